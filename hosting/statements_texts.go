package hosting

// statements are all texts of all statements. To add one is to add its rows,
// one in each language. Any two texts differ by more than one word, so that a
// word too many or too few never makes one statement out of another; a test
// holds that.
var statements = patterns([]Statement{
	{PowerAllowed, 1, English, "I authorize {provider} to power off, power on and restart this server at any time."},
	{PowerAllowed, 1, Italian, "Autorizzo {provider} a spegnere, accendere e riavviare questo server in qualsiasi momento."},
	{PowerAllowed, 1, Polish, "Upoważniam firmę {provider} do wyłączania, włączania i ponownego uruchamiania tego serwera w dowolnym momencie."},

	{PowerWindow, 1, English, "I authorize {provider} to power off, power on and restart this server only between {from} and {to} (time zone {zone})."},
	{PowerWindow, 1, Italian, "Autorizzo {provider} a spegnere, accendere e riavviare questo server solo tra il {from} e il {to} (fuso orario {zone})."},
	{PowerWindow, 1, Polish, "Upoważniam firmę {provider} do wyłączania, włączania i ponownego uruchamiania tego serwera wyłącznie od {from} do {to} (strefa czasowa {zone})."},

	{PowerRefused, 1, English, "I do not authorize {provider} to power off, power on or restart this server."},
	{PowerRefused, 1, Italian, "Non autorizzo {provider} a spegnere, accendere o riavviare questo server."},
	{PowerRefused, 1, Polish, "Nie upoważniam firmy {provider} do wyłączania, włączania ani ponownego uruchamiania tego serwera."},

	{BackupExists, 1, English, "I confirm that a current backup of the data on this server exists."},
	{BackupExists, 1, Italian, "Confermo che esiste un backup aggiornato dei dati di questo server."},
	{BackupExists, 1, Polish, "Potwierdzam, że istnieje aktualna kopia zapasowa danych z tego serwera."},

	{LossAccepted, 1, English, "There is no recent backup of the data on this server, and I accept that this data may be lost."},
	{LossAccepted, 1, Italian, "Non esiste un backup recente dei dati di questo server e accetto che tali dati possano andare persi."},
	{LossAccepted, 1, Polish, "Nie istnieje aktualna kopia zapasowa danych z tego serwera i akceptuję, że dane te mogą zostać utracone."},

	{EraseDisks, 1, English, "I accept that installing {system} permanently erases all data on the disks of this server, except on disks that I asked to keep."},
	{EraseDisks, 1, Italian, "Accetto che l'installazione di {system} cancelli definitivamente tutti i dati dai dischi di questo server, tranne che dai dischi che ho chiesto di conservare."},
	{EraseDisks, 1, Polish, "Akceptuję, że instalacja systemu {system} trwale usunie wszystkie dane z dysków tego serwera, z wyjątkiem dysków, o których zachowanie proszę."},
})

func patterns(texts []Statement) []pattern {
	out := make([]pattern, len(texts))
	for i, s := range texts {
		out[i] = newPattern(s)
	}
	return out
}
