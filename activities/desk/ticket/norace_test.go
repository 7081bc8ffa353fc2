//go:build !race

package ticket_test

// hostileSize is the greatest length of a body that is read, in bytes.
const hostileSize = 256 << 10
