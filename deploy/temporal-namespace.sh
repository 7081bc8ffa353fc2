#!/bin/sh
# Creates the namespace with the search attributes of Handrail's procedures
# (workflows.SearchAttributes). May run again: what is there already stays.
set -eu

if ! temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
	temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention "$RETENTION" \
		--description "Handrail's procedures"
fi

temporal operator search-attribute create --namespace "$TEMPORAL_NAMESPACE" \
	--name Server --type Keyword \
	--name Ticket --type Keyword \
	--name Organization --type Keyword \
	--name Phase --type Keyword \
	--name WaitingOn --type Keyword \
	--name Step --type Keyword \
	--name Due --type Datetime
