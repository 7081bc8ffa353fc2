package letters

import (
	"embed"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/handrail/handrail/hosting"
)

//go:embed templates
var embedded embed.FS

const (
	layoutFile = "layout.html"
	// fileLimit is the size of a template in bytes beyond which it is refused.
	fileLimit = 256 << 10
)

// mailedLetters are the letters that go out by mail as well.
var mailedLetters = []hosting.LetterName{
	hosting.LetterReminder, hosting.LetterParked, hosting.LetterCancelled,
	hosting.LetterExpired, hosting.LetterSummary, hosting.LetterAttention,
}

func mailed(name hosting.LetterName) bool { return slices.Contains(mailedLetters, name) }

// source lists the files that make up one template. Later files see what
// earlier ones define, and may define it anew.
type source struct {
	shared []string
	// ticket is the ticket's text of the same letter, which the main file can
	// include as "ticket"; empty where there is none.
	ticket string
	main   string
}

func phrasesFile(l hosting.Language) string { return string(l) + "/phrases.txt" }

func letterFile(name hosting.LetterName, l hosting.Language, kind string) string {
	return fmt.Sprintf("%s/%s.%s", l, name, kind)
}

func ticketFiles(name hosting.LetterName, l hosting.Language) source {
	return source{shared: []string{phrasesFile(l)}, main: letterFile(name, l, "ticket.txt")}
}

func mailTextFiles(name hosting.LetterName, l hosting.Language) source {
	return source{
		shared: []string{phrasesFile(l)},
		ticket: letterFile(name, l, "ticket.txt"),
		main:   letterFile(name, l, "mail.txt"),
	}
}

func mailHTMLFiles(name hosting.LetterName, l hosting.Language) source {
	return source{shared: []string{layoutFile, phrasesFile(l)}, main: letterFile(name, l, "mail.html")}
}

// fileNames lists the templates, relative to the directory that holds them.
func fileNames() []string {
	names := []string{layoutFile}
	for _, l := range hosting.Languages() {
		names = append(names, phrasesFile(l))
		for _, name := range hosting.LetterNames() {
			names = append(names, letterFile(name, l, "ticket.txt"))
			if mailed(name) {
				names = append(names, letterFile(name, l, "mail.txt"), letterFile(name, l, "mail.html"))
			}
		}
	}
	return names
}

// read returns the text of every template by name.
func read(dir string) (map[string]string, error) {
	texts := map[string]string{}
	for _, name := range fileNames() {
		text, err := fs.ReadFile(embedded, path.Join("templates", name))
		if err != nil {
			return nil, fmt.Errorf("read the embedded template %s: %w", name, err)
		}
		texts[name] = string(text)
	}
	if dir == "" {
		return texts, nil
	}
	// A root keeps symbolic links from leading out of the directory.
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, hosting.Invalid("", "the directory of letter templates can not be opened",
			"name an existing directory, or none to use the built-in templates").Because(err)
	}
	defer root.Close()
	if err := override(texts, root.FS()); err != nil {
		return nil, fmt.Errorf("letter templates in %s: %w", dir, err)
	}
	return texts, nil
}

// override replaces texts by the files of a directory. What begins with a dot
// (editors' and mounts' own files) and Markdown files are passed over.
func override(texts map[string]string, dir fs.FS) error {
	return fs.WalkDir(dir, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case name != "." && strings.HasPrefix(entry.Name(), "."):
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		case entry.IsDir() || strings.HasSuffix(name, ".md"):
			return nil
		}
		if _, known := texts[name]; !known {
			return hosting.Invalid("", fmt.Sprintf("%s is not the name of a letter template", name),
				"name it "+describeFiles()+"; or remove it")
		}
		texts[name], err = readLimited(dir, name)
		return err
	})
}

func readLimited(dir fs.FS, name string) (string, error) {
	f, err := dir.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, fileLimit+1))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	if len(text) > fileLimit {
		return "", hosting.Invalid("", fmt.Sprintf("%s is larger than %d KiB", name, fileLimit>>10), "shorten it")
	}
	return string(text), nil
}

// describeFiles lists the known file names, the languages folded together.
func describeFiles() string {
	var perLanguage []string
	prefix := string(hosting.English) + "/"
	for _, name := range fileNames() {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			perLanguage = append(perLanguage, rest)
		}
	}
	return fmt.Sprintf("%s, or in one of the directories %s: %s",
		layoutFile, join(hosting.Languages()), strings.Join(perLanguage, ", "))
}
