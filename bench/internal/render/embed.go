package render

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
)

// mostRaw is the packed length of a run file, in bytes, above which it is not
// embedded: a page is to stay below 3 MB, base64 is a third more.
const mostRaw = 1_900_000

// pageRaw is a run file that the page holds, or a note of why it does not.
type pageRaw struct {
	Name, Size, Note string
	URL              template.URL
}

func embed(f RunFile, left *int) (pageRaw, error) {
	raw := pageRaw{Name: printable(f.Name), Size: bytesOf(&f.Size)}
	packed, err := pack(f, *left)
	if err != nil {
		return raw, fmt.Errorf("packing the run file: %w", err)
	}
	if packed == nil {
		raw.Note = fmt.Sprintf("Every sample is in runs/%s; at %s it is too large to be embedded here.", raw.Name, raw.Size)
		return raw, nil
	}
	*left -= len(packed)
	raw.URL = template.URL("data:application/gzip;base64," + base64.StdEncoding.EncodeToString(packed))
	return raw, nil
}

// pack compresses a run file; nil where it would take more than most bytes, which
// a file of any length shows after a few megabytes.
func pack(f RunFile, most int) ([]byte, error) {
	in, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer in.Close()
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	for packed.Len() <= most {
		switch _, err := io.CopyN(z, in, 1<<20); err {
		case nil:
		case io.EOF:
			if err := z.Close(); err != nil || packed.Len() > most {
				return nil, err
			}
			return packed.Bytes(), nil
		default:
			return nil, err
		}
	}
	return nil, nil
}
