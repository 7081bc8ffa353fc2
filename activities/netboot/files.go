package netboot

import (
	"io/fs"
	"net/http"
	"path"
)

// file serves a boot file, or a range of it. There is no list of them, and no
// way out of the folder, links included.
func (s *Server) file(x *exchange) {
	name := x.r.PathValue("path")
	if !fs.ValidPath(name) || path.Clean(name) != name || name == "." {
		x.text(http.StatusNotFound, "not found\n")
		return
	}
	x.note("file", name)
	file, err := openInside(s.config.Files, name)
	if err != nil {
		x.note("error", err)
		x.text(http.StatusNotFound, "not found\n")
		return
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		x.note("error", pathless(err))
		s.unwell(x)
		return
	}
	x.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(x, x.r, "", info.ModTime(), file)
}
