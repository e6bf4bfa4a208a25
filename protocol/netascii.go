package protocol

const (
	nul = 0
	lf  = '\n'
	cr  = '\r'
)

// NetasciiEncoder turns Unix text into netascii: LF to CR LF, CR to CR NUL
// (RFC 764, the NVT that RFC 1350 §1 refers to). Text may come in pieces of any
// length. The zero value is ready.
type NetasciiEncoder struct {
	// Each byte is translated by itself, so there is nothing to keep; the type
	// leaves room for it and makes both directions read alike.
}

// Append appends the translation of src to dst, at most twice as long. It does
// not retain src, which must not overlap dst.
func (e *NetasciiEncoder) Append(dst, src []byte) []byte {
	start := 0
	for i, c := range src {
		if c != lf && c != cr {
			continue
		}
		dst = append(dst, src[start:i]...)
		if c == lf {
			dst = append(dst, cr, lf)
		} else {
			dst = append(dst, cr, nul)
		}
		start = i + 1
	}
	return append(dst, src[start:]...)
}

// NetasciiDecoder turns netascii into Unix text: CR LF to LF, CR NUL to CR, also
// when the two bytes come in different calls. A CR before any other byte is not
// netascii; both pass as they are, as does a LF without CR. The zero value is
// ready.
type NetasciiDecoder struct {
	cr bool // the last byte was a CR, not yet passed on
}

// Append appends the translation of src to dst, at most one byte longer than
// src. It does not retain src, which must not overlap dst.
func (d *NetasciiDecoder) Append(dst, src []byte) []byte {
	for _, c := range src {
		pending := d.cr
		d.cr = c == cr
		switch {
		case pending && c == nul:
			dst = append(dst, cr)
			continue
		case pending && c != lf:
			dst = append(dst, cr)
		}
		if !d.cr {
			dst = append(dst, c)
		}
	}
	return dst
}

// Flush appends what is still held at the end of the text, a CR that nothing
// followed, and makes d ready for the next text.
func (d *NetasciiDecoder) Flush(dst []byte) []byte {
	if d.cr {
		dst = append(dst, cr)
	}
	d.cr = false
	return dst
}
