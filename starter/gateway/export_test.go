package gateway

import "time"

// SetTimeout changes how long Temporal may take for one delivery.
func (g *Gateway) SetTimeout(d time.Duration) { g.timeout = d }
