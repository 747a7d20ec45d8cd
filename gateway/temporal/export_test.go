package temporal

import "time"

// SetTimeout shortens the time that a call may take.
func SetTimeout(c *Client, d time.Duration) { c.timeout = d }
