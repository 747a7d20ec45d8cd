import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { Rest } from "../feed/rest";
import { applyTheme } from "../ui/theme";
import { App } from "./app";
import { ErrorBoundary } from "./error-boundary";
import "./index.css";

applyTheme();

const root = document.getElementById("root");
if (root === null) throw new Error("index.html has no element with the id root");

createRoot(root).render(
  <StrictMode>
    <ErrorBoundary>
      <QueryClientProvider client={new QueryClient()}>
        <App rest={new Rest()} />
      </QueryClientProvider>
    </ErrorBoundary>
  </StrictMode>,
);
