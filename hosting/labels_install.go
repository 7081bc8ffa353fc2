package hosting

// installLabels are the labels of what a reinstallation is asked for with (I17).
// "Host name" is not among them: it names the server that is meant. "SSH key" is
// not either: nobody can tell what follows it, so it counts as a secret until it
// turns out to be a public key.
var installLabels = []phrases[Field]{
	{FieldSystem, English, []string{
		"Preferred OS", "Operating system", "OS", "Preferred operating system", "New OS", "New operating system", "OS to install",
		"Operating system to install", "Requested OS", "Requested operating system", "OS and version", "OS version", "Distribution",
	}},
	{FieldSystem, Italian, []string{
		"Sistema operativo preferito", "Sistema operativo", "OS", "SO", "OS preferito", "Nuovo sistema operativo", "Nuovo OS",
		"Sistema operativo da installare", "Sistema operativo richiesto", "Sistema da installare", "Distribuzione",
	}},
	{FieldSystem, Polish, []string{
		"Preferowany system operacyjny", "System operacyjny", "OS", "Preferowany OS", "Preferowany system", "Nowy system operacyjny", "Nowy system",
		"System do zainstalowania", "System operacyjny do zainstalowania", "Żądany system operacyjny", "Dystrybucja",
	}},

	{FieldPartitioning, English, []string{
		"Partitioning", "Partitions", "Partition layout", "Partition scheme", "Partition table", "Disk layout", "Disk partitioning", "Disk partitions",
	}},
	{FieldPartitioning, Italian, []string{
		"Partizionamento", "Partizioni", "Schema di partizionamento", "Schema delle partizioni", "Tabella delle partizioni",
		"Partizionamento del disco", "Partizionamento dei dischi", "Partizionamento dischi",
	}},
	{FieldPartitioning, Polish, []string{
		"Partycjonowanie", "Partycje", "Podział na partycje", "Podział dysku", "Podział dysków", "Układ partycji", "Schemat partycji",
		"Tablica partycji", "Partycjonowanie dysku", "Partycjonowanie dysków",
	}},

	{FieldRAID, English, []string{"RAID", "RAID level", "RAID configuration", "Software RAID", "RAID type"}},
	{FieldRAID, Italian, []string{"RAID", "Livello RAID", "Livello di RAID", "Configurazione RAID", "RAID software", "Tipo di RAID"}},
	{FieldRAID, Polish, []string{"RAID", "Poziom RAID", "Konfiguracja RAID", "Programowy RAID", "RAID programowy", "Macierz RAID", "Rodzaj RAID"}},

	{FieldHostName, English, []string{"New host name", "New hostname", "New server name", "Host name to set", "Hostname to set", "Host name of the new system"}},
	{FieldHostName, Italian, []string{"Nuovo nome host", "Nuovo hostname", "Nuovo nome del server", "Nuovo nome server", "Nome host da impostare", "Hostname da impostare"}},
	{FieldHostName, Polish, []string{"Nowa nazwa hosta", "Nowy hostname", "Nowa nazwa serwera", "Nazwa hosta do ustawienia", "Hostname do ustawienia"}},

	{FieldSSHKeys, English, []string{
		"SSH public key", "SSH public keys", "SSH public key(s)", "Public SSH key", "Public SSH keys", "Public SSH key(s)", "Public key", "Public keys",
		"Public key(s)", "Authorized key", "Authorized keys", "authorized_keys",
	}},
	{FieldSSHKeys, Italian, []string{
		"Chiave pubblica SSH", "Chiavi pubbliche SSH", "Chiave SSH pubblica", "Chiavi SSH pubbliche", "Chiave pubblica", "Chiavi pubbliche",
		"Chiave autorizzata", "Chiavi autorizzate",
	}},
	{FieldSSHKeys, Polish, []string{
		"Klucz publiczny SSH", "Klucze publiczne SSH", "Publiczny klucz SSH", "Publiczne klucze SSH", "Klucz publiczny", "Klucze publiczne",
		"Klucz SSH publiczny", "Klucze SSH publiczne", "Autoryzowane klucze",
	}},

	{FieldKeepDisks, English, []string{
		"Disks to keep", "Disk to keep", "Disk(s) to keep", "Keep disks", "Keep disk", "Keep these disks", "Disks to be kept", "Disks to preserve", "Disks not to erase",
	}},
	{FieldKeepDisks, Italian, []string{
		"Dischi da conservare", "Disco da conservare", "Dischi da mantenere", "Disco da mantenere", "Dischi da preservare", "Dischi da non cancellare", "Disco da non cancellare",
	}},
	{FieldKeepDisks, Polish, []string{
		"Dyski do zachowania", "Dysk do zachowania", "Dyski do pozostawienia", "Dysk do pozostawienia", "Zachować dyski", "Zachowaj dyski", "Dyski, których nie kasować",
	}},

	{FieldErasure, English, []string{
		"Data-loss acknowledgement", "Data loss acknowledgement", "Data-loss acknowledgment", "Data loss acknowledgment", "Data loss", "Data-loss",
		"Data loss consent", "Data-loss consent", "Consent to data loss", "Data loss acceptance", "Data erasure", "Data erasure consent", "Erasure", "Erasure of data",
	}},
	{FieldErasure, Italian, []string{
		"Consenso alla perdita dei dati", "Consenso alla perdita di dati", "Perdita dei dati", "Perdita di dati", "Perdita dati",
		"Accettazione della perdita dei dati", "Accettazione perdita dati", "Presa d'atto della perdita dei dati",
		"Cancellazione dei dati", "Cancellazione dati", "Consenso alla cancellazione dei dati",
	}},
	{FieldErasure, Polish, []string{
		"Zgoda na utratę danych", "Utrata danych", "Potwierdzenie utraty danych", "Akceptacja utraty danych", "Usunięcie danych",
		"Zgoda na usunięcie danych", "Skasowanie danych", "Zgoda na skasowanie danych",
	}},
}
