package policy

// Keys are the known keys.
var Keys = keys
