package mail

import "time"

// WithTimeout changes how long a sending may take, for tests that wait for it.
func WithTimeout(a *Activities, d time.Duration) *Activities {
	a.timeout = d
	return a
}
