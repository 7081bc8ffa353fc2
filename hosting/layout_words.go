package hosting

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// layoutPhrases are the layouts as customers name them.
var layoutPhrases = []phrases[Layout]{
	{LayoutDefault, English, []string{"default", "default partitioning", "standard", "automatic", "as usual"}},
	{LayoutDefault, Italian, []string{"predefinito", "predefinita", "standard", "partizionamento predefinito", "automatico"}},
	{LayoutDefault, Polish, []string{"domyślne", "domyślny", "standardowe", "domyślne partycjonowanie", "automatyczne"}},
	{LayoutSingle, English, []string{"single", "single partition", "one partition", "everything in one partition"}},
	{LayoutSingle, Italian, []string{"singola", "singola partizione", "una sola partizione", "una partizione", "partizione unica"}},
	{LayoutSingle, Polish, []string{"pojedyncza", "jedna partycja", "pojedyncza partycja"}},
}

// restWords stand for the rest of a disk, folded.
var restWords = []string{
	"rest", "*", "remaining", "remainder", "the rest", "100%", "resto", "il resto", "restante", "rimanente", "reszta", "pozostale", "reszta dysku", "rest of the disk", "resto del disco",
}

var (
	partitionSplit = regexp.MustCompile(`[,;]+`)
	partitionSize  = regexp.MustCompile(`^([0-9]{1,10})(?:\.([0-9]{1,2}))? ?(m|mb|mib|g|gb|gib|t|tb|tib)$`)
	// decimalComma is a comma within a number, which separates nothing.
	decimalComma = regexp.MustCompile(`([0-9]),([0-9])`)
)

// ParsePartitioning reads how a customer asks for a layout: its name, or a list
// such as "/boot 1G, swap 8G, / 50G, /srv rest xfs", on one line or several. A
// gigabyte is taken for a gibibyte. What can not be read, or can not be meant, is
// an InvalidRequest.
func ParsePartitioning(text string) (Partitioning, error) {
	if len(text) > maxPhraseBytes {
		return Partitioning{}, Invalid("", "the partitioning is too long", "give the list of partitions and nothing else")
	}
	written := fold(strings.ReplaceAll(text, "\n", ";"))
	key := strings.Trim(written.key, " .,;:!\"'*")
	for _, p := range layoutPhrases {
		if slices.ContainsFunc(p.said, func(said string) bool { return fold(said).key == key }) {
			return Partitioning{Layout: p.meaning}, nil
		}
	}
	custom := Partitioning{Layout: LayoutCustom}
	for _, entry := range partitionSplit.Split(decimalComma.ReplaceAllString(written.written, "$1.$2"), -1) {
		entry = strings.Trim(entry, " -.")
		if entry == "" {
			continue
		}
		part, err := parsePartition(entry)
		if err != nil {
			return Partitioning{}, err
		}
		custom.Partitions = append(custom.Partitions, part)
	}
	if err := custom.Validate(); err != nil {
		return Partitioning{}, err
	}
	return custom, nil
}

// parsePartition reads mount point, size and, before or after that, the file
// system. The mount point stays as it was written: another spelling of it would
// be another folder.
func parsePartition(entry string) (Partition, error) {
	unclear := Invalid("", quote(entry)+" is no partition", "write mount point and size, such as /srv 100G or / rest")
	words := slices.DeleteFunc(strings.Fields(partitionSigns.Replace(entry)), func(w string) bool { return w == "-" })
	if len(words) < 2 {
		return Partition{}, unclear
	}
	part := Partition{Mount: words[0], FileSystem: "ext4"}
	words = strings.Fields(fold(strings.Join(words[1:], " ")).key)
	if strings.EqualFold(part.Mount, "swap") {
		part.Mount, part.FileSystem = "swap", "swap"
	}
	for _, i := range []int{len(words) - 1, 0} {
		if w := words[i]; len(words) > 1 && (w == "ext4" || w == "xfs" || w == "swap" && part.Mount == "swap") {
			part.FileSystem, words = w, slices.Delete(words, i, i+1)
			break
		}
	}
	var ok bool
	if part.MiB, ok = parseSize(strings.Join(words, " ")); !ok {
		return Partition{}, unclear
	}
	return part, nil
}

var partitionSigns = strings.NewReplacer(":", " ", "=", " ", "(", " ", ")", " ")

// parseSize returns a size in MiB, 0 for the rest of the disk.
func parseSize(size string) (mib int64, ok bool) {
	if slices.Contains(restWords, size) {
		return 0, true
	}
	m := partitionSize.FindStringSubmatch(size)
	if m == nil {
		return 0, false
	}
	hundredths, err := strconv.ParseInt(m[1]+(m[2] + "00")[:2], 10, 64)
	if err != nil {
		return 0, false
	}
	mib = hundredths << map[byte]int{'m': 0, 'g': 10, 't': 20}[m[3][0]] / 100
	return mib, mib > 0
}
