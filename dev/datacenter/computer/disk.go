package computer

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"time"

	"github.com/handrail/handrail/dev/datacenter/installer"
)

// Disk is a disk and what is on it.
type Disk struct {
	Serial  string  `json:"serial"`
	Content Content `json:"content"`
}

// Content is what was last written on a disk.
type Content struct {
	// ID is of what was written, and new with every writing; disks that belong
	// together share it.
	ID string `json:"id"`
	// System and HostName are of an operating system; empty is data.
	System    string    `json:"system,omitempty"`
	HostName  string    `json:"hostName,omitempty"`
	Installed time.Time `json:"installed,omitzero"`
	// Generation counts how often the disk was written over; 0 is as delivered.
	Generation int `json:"generation"`
	// Half tells that the writing never came to its end: it does not boot.
	Half bool `json:"half,omitempty"`
}

// Wipe is a disk that lost its content.
type Wipe struct {
	At   time.Time `json:"at"`
	Disk string    `json:"disk"` // serial number
	// Token is the SHA-256 of the network boot's token, in hex.
	Token string `json:"token"`
	Boot  int    `json:"boot"` // of the machine, from 1
	// Lost and Written are the ids of what was on the disk and of what came.
	Lost    string `json:"lost"`
	Written string `json:"written"`
}

// access is how an installed system is reached. It is nobody's business but the
// state file's.
type access struct {
	HostKey []byte   `json:"hostKey"` // an ed25519 seed
	Keys    []string `json:"keys,omitempty"`
}

func newAccess() (access, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return access{}, err
	}
	return access{HostKey: key.Seed()}, nil
}

func newID() string { return rand.Text()[:16] }

// deliver fills disks as a machine has them that is in use: a system on the
// first, data on the others.
func (s *State) deliver(serials []string, hostName string, at time.Time) error {
	first, err := newAccess()
	if err != nil {
		return err
	}
	for i, serial := range serials {
		content := Content{ID: newID(), Installed: at}
		if i == 0 {
			content.System, content.HostName = "original", hostName
			s.BootID, s.Access = content.ID, map[string]access{content.ID: first}
		}
		s.Disks = append(s.Disks, Disk{Serial: serial, Content: content})
	}
	return nil
}

// erase is the first write on disks; their old content is gone. It returns the
// id of what comes.
func (s *State) erase(disks []int, a installer.Answer, boot int, at time.Time) string {
	id := newID()
	token := hash(a.Token())
	for _, i := range disks {
		old := s.Disks[i].Content
		s.Wipes = append(s.Wipes, Wipe{
			At: at, Disk: s.Disks[i].Serial, Token: token, Boot: boot, Lost: old.ID, Written: id,
		})
		if old.ID == s.BootID {
			s.BootID = id
		}
		s.Disks[i].Content = Content{ID: id, System: a.System, HostName: a.HostName, Generation: old.Generation + 1, Half: true}
	}
	s.forget()
	return id
}

// hash is the SHA-256 in hex of a token's bytes, which is what the gateway keeps
// of it.
func hash(token string) string {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		raw = []byte(token)
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// install makes what was written on disks a system that boots before any other.
func (s *State) install(id string, with access, at time.Time) {
	for i := range s.Disks {
		if c := &s.Disks[i].Content; c.ID == id {
			c.Half, c.Installed = false, at
		}
	}
	s.BootID, s.Access[id] = id, with
}

// forget drops the keys of systems that are on no disk any more.
func (s *State) forget() {
	for id := range s.Access {
		if !slices.ContainsFunc(s.Disks, func(d Disk) bool { return d.Content.ID == id }) {
			delete(s.Access, id)
		}
	}
}

// bootable returns the system that the machine starts from its disks.
func (s *State) bootable() (Content, bool) {
	for _, d := range s.Disks {
		if c := d.Content; c.ID == s.BootID && c.System != "" && !c.Half {
			return c, true
		}
	}
	return Content{}, false
}
