package hosting

// reasonPhrases are the reasons of I3 as customers give them.
var reasonPhrases = []phrases[Reason]{
	{ReasonUnresponsive, English, []string{
		"Server unresponsive", "unresponsive", "hang", "hangs", "hung", "frozen", "freezes", "freeze", "not responding", "does not respond",
		"no response", "not reachable", "unreachable", "stuck", "crashed", "kernel panic",
	}},
	{ReasonUnresponsive, Italian, []string{
		"Server non risponde", "non risponde", "bloccato", "bloccata", "si blocca", "irraggiungibile", "non raggiungibile", "non risponde più", "in blocco",
	}},
	{ReasonUnresponsive, Polish, []string{
		"Serwer nie odpowiada", "nie odpowiada", "brak odpowiedzi", "zawiesił się", "zawieszony", "zawiesza się", "zawieszenie", "nieosiągalny", "nie reaguje",
	}},

	{ReasonNetwork, English, []string{"Network or firewall misconfiguration", "network", "firewall", "network misconfiguration", "firewall misconfiguration", "locked out by firewall"}},
	{ReasonNetwork, Italian, []string{"Errata configurazione di rete o firewall", "rete", "firewall", "configurazione di rete", "configurazione del firewall"}},
	{ReasonNetwork, Polish, []string{"Błędna konfiguracja sieci lub zapory", "sieć", "sieci", "zapora", "zapory", "firewall", "konfiguracja sieci", "konfiguracja zapory"}},

	{ReasonUpdate, English, []string{"Problem after an update", "after update", "after an update", "after the update", "after upgrade of the system", "update problem", "kernel update"}},
	{ReasonUpdate, Italian, []string{"Problema dopo un aggiornamento", "dopo aggiornamento", "dopo un aggiornamento", "dopo l'aggiornamento", "problema di aggiornamento"}},
	{ReasonUpdate, Polish, []string{"Problem po aktualizacji", "po aktualizacji", "problem z aktualizacją", "po update"}},

	{ReasonDiagnostics, English, []string{"Diagnostics", "diagnostic", "diagnosis", "hardware test", "hardware check"}},
	{ReasonDiagnostics, Italian, []string{"Diagnostica", "diagnosi", "verifica hardware", "test hardware"}},
	{ReasonDiagnostics, Polish, []string{"Diagnostyka", "diagnoza", "diagnostyki", "test sprzętu"}},

	{ReasonUpgrade, English, []string{"Component upgrade", "hardware upgrade", "memory upgrade", "ram upgrade", "disk upgrade", "add memory", "add disk"}},
	{ReasonUpgrade, Italian, []string{"Aggiornamento di un componente", "aggiornamento componente", "aggiornamento hardware", "espansione memoria", "espansione ram", "aggiunta disco"}},
	{ReasonUpgrade, Polish, []string{"Rozbudowa podzespołu", "rozbudowa", "rozbudowa sprzętu", "rozbudowa pamięci", "dodanie dysku", "dodanie pamięci"}},

	{ReasonFaultyPart, English, []string{
		"Faulty component replacement", "faulty component", "faulty disk", "failed disk", "faulty memory", "broken disk", "replacement of a faulty component",
		"component replacement", "disk replacement", "hardware fault", "hardware failure",
	}},
	{ReasonFaultyPart, Italian, []string{
		"Sostituzione di un componente guasto", "sostituzione componente guasto", "componente guasto", "disco guasto", "sostituzione disco", "memoria guasta", "guasto hardware",
	}},
	{ReasonFaultyPart, Polish, []string{
		"Wymiana uszkodzonego podzespołu", "uszkodzony podzespół", "wymiana podzespołu", "uszkodzony dysk", "wymiana dysku", "uszkodzona pamięć", "awaria sprzętu",
	}},
}

// toolPhrases are the remote tools of I2 as customers name them.
var toolPhrases = []phrases[RemoteTool]{
	{ToolSSH, "", []string{"SSH", "openssh", "putty"}},
	{ToolRDP, "", []string{"RDP", "remote desktop", "desktop remoto", "zdalny pulpit", "pulpit zdalny", "zdalnego pulpitu"}},
	{ToolIPMI, "", []string{"IPMI", "kvm", "idrac", "ilo", "bmc", "ip kvm", "remote console", "console remota", "konsola zdalna", "zdalna konsola"}},
	{ToolPanel, "", []string{"control panel", "panel", "customer panel", "pannello", "pannello di controllo", "panelu", "panel klienta", "panel sterowania"}},
}
