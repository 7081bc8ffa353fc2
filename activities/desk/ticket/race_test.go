//go:build race

package ticket_test

// hostileSize is a part of the greatest length: the race detector makes
// everything twenty times slower.
const hostileSize = 16 << 10
