package hosting

// fieldLabels are the labels of fields as customers write them. A label that
// stands in several languages says nothing about the language. The same words
// never name two fields; a test holds that.
var fieldLabels = append([]phrases[Field]{
	{FieldServer, English, []string{
		"Server", "Server ID", "Server id / IP", "Server name", "Service ID", "Service", "Service name", "Server IP", "IP", "IP address",
		"Primary IP", "Host", "Host name", "Hostname", "Machine", "Affected server", "Server or IP",
	}},
	{FieldServer, Italian, []string{
		"Server", "ID server", "ID del server", "Nome server", "Nome del server", "ID servizio", "ID del servizio", "Servizio", "Nome servizio",
		"IP", "IP server", "IP del server", "Indirizzo IP", "IP principale", "Host", "Nome host", "Hostname", "Macchina", "Server interessato",
	}},
	{FieldServer, Polish, []string{
		"Serwer", "ID serwera", "Identyfikator serwera", "Nazwa serwera", "ID usługi", "Identyfikator usługi", "Usługa", "Nazwa usługi",
		"IP", "IP serwera", "Adres IP", "Główny adres IP", "Host", "Nazwa hosta", "Hostname", "Maszyna",
	}},

	{FieldReason, English, []string{"Reason", "Reason for the request", "Reason for request", "Request reason", "Type of request", "Problem type", "Type of problem"}},
	{FieldReason, Italian, []string{"Motivo", "Motivo della richiesta", "Motivo richiesta", "Motivazione", "Causa", "Tipo di richiesta", "Tipo di problema"}},
	{FieldReason, Polish, []string{"Powód", "Powód zgłoszenia", "Przyczyna", "Przyczyna zgłoszenia", "Rodzaj problemu", "Rodzaj zgłoszenia"}},

	{FieldDetails, English, []string{
		"Details", "Detail", "Description", "Problem", "Problem description", "Description of the problem", "Issue", "Issue description",
		"What happened", "Symptoms", "Error message", "Requested action", "Additional information", "Additional details",
	}},
	{FieldDetails, Italian, []string{
		"Dettagli", "Dettaglio", "Descrizione", "Problema", "Descrizione del problema", "Descrizione problema", "Dettagli del problema",
		"Cosa è successo", "Sintomi", "Messaggio di errore", "Azione richiesta", "Intervento richiesto", "Informazioni aggiuntive", "Ulteriori informazioni",
	}},
	{FieldDetails, Polish, []string{
		"Szczegóły", "Opis", "Problem", "Opis problemu", "Opis sytuacji", "Szczegóły problemu", "Co się stało", "Objawy", "Komunikat błędu",
		"Oczekiwane działanie", "Oczekiwane działania", "Dodatkowe informacje", "Informacje dodatkowe",
	}},

	{FieldFailedTools, English, []string{
		"Remote tools tried", "Failed tools", "Remote tools", "Remote tools that failed", "Failed remote tools", "Tried remote tools", "Tools tried",
		"Remote access tried", "Remote access attempts",
	}},
	{FieldFailedTools, Italian, []string{
		"Strumenti remoti provati", "Strumenti remoti", "Strumenti remoti falliti", "Strumenti provati", "Strumenti remoti non funzionanti",
		"Accessi remoti provati", "Tentativi di accesso remoto",
	}},
	{FieldFailedTools, Polish, []string{
		"Wypróbowane narzędzia zdalne", "Narzędzia zdalne", "Niedziałające narzędzia zdalne", "Wypróbowane narzędzia",
		"Sprawdzone narzędzia zdalne", "Próby zdalnego dostępu",
	}},

	{FieldPower, English, []string{
		"Authorization", "Authorisation", "Power authorization", "Power authorisation", "Power permission", "Permission", "Power off permission",
		"Permission to power off", "Authorization to power off and restart", "Reboot authorization", "Restart authorization", "Power",
	}},
	{FieldPower, Italian, []string{
		"Autorizzazione", "Autorizzazione allo spegnimento", "Autorizzazione al riavvio", "Autorizzazione allo spegnimento e al riavvio",
		"Autorizzazione a spegnere e riavviare", "Permesso", "Permesso di spegnimento", "Permesso di riavvio", "Consenso al riavvio",
	}},
	{FieldPower, Polish, []string{
		"Upoważnienie", "Autoryzacja", "Zgoda", "Zezwolenie", "Pozwolenie", "Zgoda na wyłączenie", "Zgoda na restart", "Zgoda na ponowne uruchomienie",
		"Zgoda na wyłączenie i ponowne uruchomienie", "Upoważnienie do wyłączenia", "Upoważnienie do restartu", "Upoważnienie do wyłączenia i ponownego uruchomienia",
	}},

	{FieldBackup, English, []string{"Backup status", "Backup", "Backups", "Backup state", "State of the backup", "Current backup", "Backup confirmation"}},
	{FieldBackup, Italian, []string{
		"Stato del backup", "Backup", "Stato backup", "Stato dei backup", "Copia di backup", "Copia di sicurezza", "Copie di sicurezza", "Conferma del backup",
	}},
	{FieldBackup, Polish, []string{
		"Stan kopii zapasowej", "Kopia zapasowa", "Kopie zapasowe", "Backup", "Stan backupu", "Status kopii zapasowej", "Status backupu", "Potwierdzenie kopii zapasowej",
	}},

	{FieldCredentials, English, []string{
		"Credentials", "Login", "Login details", "Login data", "Login credentials", "Access", "Access data", "Access details", "Access credentials",
		"User", "Username", "User name", "User / password", "User and password", "Username / password", "Username and password", "User/pass", "Login / password", "Login/pass",
		"Password", "Passwords", "Pass", "Passwd", "Passphrase", "Passcode", "PW", "PWD", "PIN", "Root password", "Admin password", "Administrator password",
		"Root login", "Administrator login", "OS password", "System password", "User password", "SSH password", "RDP password", "IPMI password", "IPMI login",
		"IPMI credentials", "KVM password", "BMC password", "iDRAC password", "iLO password", "SSH credentials", "Console password",
		"SSH key", "SSH keys", "Private key", "SSH private key", "Key passphrase", "API key", "API token", "Token", "Secret",
	}},
	{FieldCredentials, Italian, []string{
		"Credenziali", "Credenziali di accesso", "Dati di accesso", "Dati di login", "Accesso", "Login", "Utente", "Nome utente", "Username", "Utente / password",
		"Utente e password", "Nome utente e password", "Utente/pass", "Password", "Pass", "Psw", "PIN", "Parola d'ordine", "Parola chiave", "Password root", "Password di root",
		"Password amministratore", "Password di amministratore", "Password dell'amministratore", "Password SSH", "Password RDP", "Password IPMI", "Credenziali IPMI",
		"Credenziali SSH", "Chiave SSH", "Chiavi SSH", "Chiave privata", "Chiave SSH privata", "Chiave API", "Token",
	}},
	{FieldCredentials, Polish, []string{
		"Dane logowania", "Dane dostępowe", "Dane dostępu", "Dane do logowania", "Dostęp", "Dostępy", "Poświadczenia", "Login", "Użytkownik", "Nazwa użytkownika",
		"Użytkownik / hasło", "Użytkownik i hasło", "Login / hasło", "Login i hasło", "Login/hasło", "Hasło", "Hasła", "PIN", "Hasło root", "Hasło roota", "Hasło do roota",
		"Hasło administratora", "Hasło użytkownika", "Hasło SSH", "Hasło do SSH", "Hasło RDP", "Hasło IPMI", "Hasło do IPMI", "Klucz SSH", "Klucze SSH", "Klucz prywatny",
		"Prywatny klucz SSH", "Klucz API", "Token",
	}},
}, installLabels...)
