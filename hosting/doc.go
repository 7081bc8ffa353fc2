// Package hosting is the vocabulary that Handrail's workflows and activities
// share: servers and their owners, what a customer permits, when, and in which
// words, what was done and how it ended. Plain types and pure rules: nothing
// here reads a clock, a file or a network, so that workflow code may call all
// of it, and the package imports nothing else of Handrail.
package hosting
