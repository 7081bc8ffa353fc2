package records

import "github.com/handrail/handrail/hosting"

// broken is what a violated constraint means to people. Without a kind it is a
// moment's collision, to be tried again.
type broken struct {
	kind hosting.FaultKind
	what string
	do   string
}

const (
	invalid  = hosting.FaultInvalidRequest
	conflict = hosting.FaultConflict
	refused  = hosting.FaultNotAuthorized
)

const (
	doReadOperation = "look at the operation's history; open a new one for further work"
	doKnownServer   = "use the service id of a server in the records"
	doKnownOrg      = "import the organization first"
	doReadBoot      = "look at the network boot in the records; count a new attempt for another one"
	doAskAgain      = "ask the customer for the statement again"
)

// rules names the constraints and triggers of migrations/*.sql.
var rules = map[string]broken{
	"contacts_email_plain":              {invalid, "a contact's e-mail address is not one", "write it as name@domain"},
	"contacts_language_code":            {invalid, "a contact's language is not an ISO 639-1 code", "use en, it or pl"},
	"contacts_one_primary":              {conflict, "the organization already has an active primary contact", "make one contact primary and no other"},
	"contacts_organization_known":       {invalid, "the organization is not in the records", doKnownOrg},
	"organizations_id_given":            {invalid, "an organization has no proper id", "give every organization an id"},
	"organizations_name_given":          {invalid, "an organization has no name", "give every organization a name"},
	"servers_pkey":                      {conflict, "the service id is taken", "every server has a service id of its own"},
	"servers_service_id_unique":         {conflict, "the service id is taken, in another spelling", "every server has a service id of its own"},
	"servers_host_name_unique":          {conflict, "the host name is taken", "correct the host name, or retire the server that had it"},
	"servers_organization_known":        {invalid, "the server's organization is not in the records", doKnownOrg},
	"servers_service_id_given":          {invalid, "a server has no proper service id", "give every server a service id without blanks"},
	"servers_kind_known":                {invalid, "the kind of server is not known", "use dedicated or vps"},
	"servers_state_known":               {invalid, "the state of the server is not known", "use staging, active or retired"},
	"servers_firmware_known":            {invalid, "the server's firmware is not known", "use uefi or legacy, or leave it out"},
	"servers_site_given":                {invalid, "the server has no site", "name the site: it decides which worker reaches the BMC"},
	"servers_staged_once_handed_over":   {invalid, "an active server needs the time at which it was handed over, one in staging has none", "correct stagedAt or the state"},
	"servers_primary_ip_given":          {invalid, "the server has no primary IP", "give the address that customers name in tickets"},
	"server_ips_pkey":                   {conflict, "the IP address belongs to another server", "correct the address, or retire the server that had it"},
	"bmc_endpoints_one_machine":         {conflict, "another server's record leads to the same machine", "correct the BMC's address or system id before anything is done to either server"},
	"bmc_endpoints_one_a_protocol":      {invalid, "the BMC has two endpoints of one protocol", "give one endpoint a protocol"},
	"bmc_endpoints_protocol_known":      {invalid, "the BMC's protocol is not known", "use redfish or ipmi"},
	"bmc_endpoints_address_host_port":   {invalid, "the BMC's address is not host:port", "write it as 10.0.0.7:443"},
	"bmc_endpoints_secret_is_reference": {invalid, "the BMC's secret is not a reference", "put the password into the secret store and its name here, such as file:bmc/srv-1001"},
	"bmc_endpoints_secret_scheme_known": {invalid, "the BMC's secret is not a reference into a known store", "write it as env:NAME or file:name; the table secret_schemes lists the stores"},
	"bmc_endpoints_fingerprint_sha256":  {invalid, "the BMC's TLS fingerprint is not a SHA-256 in hex", "copy it as openssl x509 -fingerprint -sha256 prints it"},
	"bays_pkey":                         {invalid, "two bays of one kind have the same slot", "give every bay its own slot"},
	"operations_procedure_known":        {invalid, "the procedure is not known", "migrate the database, or correct the name"},
	"operations_server_known":           {invalid, "the server is not in the records", doKnownServer},
	"operations_ticket_given":           {invalid, "a customer's operation has no ticket", "customers ask by ticket: give its number"},
	"operations_workflow_given":         {invalid, "the operation names no workflow", "give the workflow's id and first run"},
	"operations_requester_given":        {invalid, "nobody asked for the operation", "give requestedBy.contact"},
	"operations_role_known":             {invalid, "the requester's role is not known", "use customer or staff"},
	"operations_phase_known":            {invalid, "the phase is not known", "use one of hosting.Phases"},
	"operations_closed_when_final":      {invalid, "the phase and the time of closing do not agree", "close an operation with CloseOperation, and only then"},
	"operations_stay_closed":            {conflict, "the operation is closed", doReadOperation},
	"operations_keep_identity":          {conflict, "what an operation is about does not change", doReadOperation},
	"operation_must_be_open":            {conflict, "the operation is closed", doReadOperation},
	"steps_operation_known":             {invalid, "the operation is not in the records", "use the id that OpenOperation returned"},
	"steps_stay_ended":                  {conflict, "a step that has ended does not run again", "count a new attempt"},
	"steps_state_known":                 {invalid, "the state of a step is not known", "use pending, running, done, failed or skipped"},
	"lease_requests_operation_known":    {invalid, "the operation is not in the records", "use the id that OpenOperation returned"},
	"lease_requests_server_known":       {invalid, "the server is not in the records", doKnownServer},
	"lease_requests_procedure_known":    {invalid, "the procedure is not known", "migrate the database, or correct the name"},
	"lease_requests_server_not_retired": {conflict, "the server is retired", "no procedure may touch it; check which server is meant"},
	"lease_resources_pkey":              {"", "another operation took the server at this very moment", ""},
	"suppressions_operation_known":      {invalid, "the operation is not in the records", "use the id that OpenOperation returned"},
	"suppressions_server_known":         {invalid, "the server is not in the records", doKnownServer},
	"suppressions_reason_given":         {invalid, "nothing says why alerts should be muted", "give a reason"},
	"consents_operation_known":          {invalid, "the operation is not in the records", "use the id that OpenOperation returned"},
	"consents_server_known":             {invalid, "the server is not in the records", doKnownServer},
	"consents_spent_or_revoked":         {refused, "the consent is spent or revoked already", doAskAgain},
	"consents_spent_once":               {refused, "the consent is spent", doAskAgain},
	"consents_revoked_once":             {conflict, "the consent was revoked before", doAskAgain},
	"consents_keep_wording":             {conflict, "the words of a consent do not change", "record what was said as another consent"},
	"consents_are_kept":                 {conflict, "consents are evidence and are kept", "revoke it instead"},
	"action_log_append_only":            {conflict, "the action log can only be added to", "write another entry that corrects the first"},
	"action_log_operation_known":        {invalid, "the operation is not in the records", "use the id that OpenOperation returned"},
	"action_log_key_given":              {invalid, "an entry for the action log has no key", "make a key of step and number"},
	"action_log_who_and_what_given":     {invalid, "an entry for the action log does not say who did what", "give by and what"},

	"operating_systems_pkey":               {conflict, "the operating system's id is taken", "give every entry an id of its own"},
	"operating_systems_one_offered":        {conflict, "two entries offer the same operating system", "withdraw one of them, or tell them apart by edition"},
	"operating_systems_id_plain":           {invalid, "an operating system's id is not one", "use lower-case letters, digits, dots and dashes, such as debian-12"},
	"operating_systems_named":              {invalid, "an operating system has no distribution or version", "write them as customers do: Debian, 12"},
	"operating_systems_architecture_known": {invalid, "an operating system's architecture is not known", "use x86_64 or aarch64"},
	"operating_systems_firmware_known":     {invalid, "an operating system's firmware is not known", "use uefi, legacy or both"},
	"operating_systems_answer_of_method":   {invalid, "an operating system's method does not read that answer file", "use installer with preseed, autoinstall or kickstart; image or rescue with order"},
	"operating_systems_boot_files_checked": {invalid, "an operating system's kernel or initrd has no path or no SHA-256", "give path and sha256 of both"},
	"operating_systems_image_of_method":    {invalid, "the method image, and only it, needs an image", "give its path and sha256"},
	"operating_systems_mirror_of_method":   {invalid, "an installer, and only an installer, needs a mirror", "give its URL"},
	"server_macs_one_server":               {conflict, "the network card belongs to another server", "correct the address, or retire the server that had it"},
	"server_macs_of_a_card":                {invalid, "the address of a network card is that of none", "copy it from the card or the BMC"},
	"network_boots_one_live":               {conflict, "another network boot of the server is under way", "withdraw or end it first"},
	"network_boots_one_an_attempt":         {conflict, "the attempt was armed before", "count a new attempt"},
	"network_boots_token_unique":           {conflict, "the boot token was handed out before", "make a new random one"},
	"network_boots_operation_known":        {invalid, "the operation is not in the records", "use the id that OpenOperation returned"},
	"network_boots_server_of_operation":    {invalid, "the operation is about another server, or about none yet", "assign the server to the operation first"},
	"network_boots_server_not_retired":     {conflict, "the server is retired", "no procedure may touch it; check which server is meant"},
	"network_boots_begin_armed":            {conflict, "a network boot begins armed", "arm it with ArmBoot"},
	"network_boots_purpose_known":          {invalid, "the purpose of the network boot is not known", "use install or rescue"},
	"network_boots_attempt_counted":        {invalid, "the attempt of the network boot is not counted", "count from 1"},
	"network_boots_names_a_card":           {invalid, "the plan names no network card, so the machine would never get its boot script", "import the server with its macs"},
	"network_boots_install_needs_consent":  {refused, "an installation needs a consent for its target, and nothing else does", doAskAgain},
	"network_boots_consent_bound":          {refused, "the consent is for another operation, server or target", doAskAgain},
	"network_boots_consent_spent":          {refused, "the consent is no data-loss consent, or was not spent for this", doAskAgain},
	"network_boots_consent_unfulfilled":    {refused, "the installation that the consent allowed is done", doAskAgain},
	"network_boots_erase_once_a_consent":   {conflict, "the installation that the consent allowed is done", doAskAgain},
	"network_boots_own_cards":              {conflict, "a network card of the plan is another server's", "correct the records of both servers before anything is done to either"},
	"network_boot_macs_one_live":           {conflict, "a boot of another server waits for the same network card", "correct the records of both servers before anything is done to either"},
	"network_boots_go_forward":             {conflict, "a network boot only goes forward, and nothing is erased before it was handed out", doReadBoot},
	"network_boots_granted_once":           {conflict, "a network boot is handed out once, and let erase once", doReadBoot},
	"network_boots_keep_identity":          {conflict, "what a network boot is about does not change", "count a new attempt"},
	"network_boots_stay_ended":             {conflict, "the network boot is over", doReadBoot},
	"network_boots_are_kept":               {conflict, "network boots are evidence and are kept", "withdraw it instead"},
	"network_boots_handed_out_with_token":  {invalid, "a boot is handed out with a token that expires later", "give 32 bytes and a time to come"},
	"network_boots_times_fit_state":        {conflict, "nothing can have been done: the machine was not let that far", doReadBoot},
	"network_boots_rescue_erases_nothing":  {conflict, "a boot for rescue erases nothing", "ask for a reinstallation"},
	"network_boots_erases_in_time":         {conflict, "the boot token has expired", "count a new attempt"},
	"network_boots_failed_says_why":        {invalid, "nothing says why the network boot failed", "give an error"},
	"network_boots_report_bounded":         {invalid, "the machine's report is too long", "report less"},
}
