package records

import "maps"

// RuleNames are the constraints and triggers that have words of their own.
var RuleNames = maps.Keys(rules)
