// Package kubernetes reads what a cluster knows of a service: the events of
// its pods and workloads, what its containers died of, its rollouts, and its
// logs. Cluster only ever lists and gets; deploy/kubernetes/reader.yaml is a
// role that allows that and nothing more. Secrets and ConfigMaps are not read.
// What changes something is Executor, which needs actor.yaml besides.
//
// A service is a Deployment, StatefulSet, DaemonSet or Service of that name,
// with the pods that it selects, or the pods that carry the name in one of the
// usual labels (app.kubernetes.io/name, app and others). A name that the
// cluster does not know has nothing here, which is an answer.
//
// # Limits
//
//   - Kubernetes keeps events for an hour; what was before is gone.
//   - Of at most 50 pods, those in trouble first, of which at most 10 are asked
//     for logs, 1 MiB from each container. Logs are read from their end, so of a
//     window long past there may be none.
//   - What a container waits for or died of is told as long as it is so, with
//     the time that the cluster has for it.
//   - A rollout's time is that of its ReplicaSet or revision; of a rollback,
//     which takes up an old one, that of the Deployment's last progress.
//   - Changes of ConfigMaps and Secrets are not seen.
//   - Executor acts on Deployments and StatefulSets alone. To roll a Deployment
//     back it sends the earlier pod template as its client library knows it, as
//     kubectl does: fields that only a newer cluster has would be lost.
//
// A Cluster and an Executor are immutable and safe for concurrent use. Cancelling the context
// ends the look at once.
package kubernetes
