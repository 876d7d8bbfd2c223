package staticfiles

import (
	"mime"
	"net/http"
	"path"
	"strings"
)

// sniffLen is how much of a file http.DetectContentType looks at.
const sniffLen = 512

// contentTypes are those of the Web, so that they do not depend on what the machine has in its mime.types or registry.
var contentTypes = map[string]string{
	".aac": "audio/aac", ".apng": "image/apng", ".avif": "image/avif", ".bmp": "image/bmp",
	".css": "text/css; charset=utf-8", ".csv": "text/csv; charset=utf-8", ".flac": "audio/flac", ".gif": "image/gif",
	".gz": "application/gzip", ".htm": "text/html; charset=utf-8", ".html": "text/html; charset=utf-8",
	".ico": "image/vnd.microsoft.icon", ".ics": "text/calendar; charset=utf-8", ".jpeg": "image/jpeg", ".jpg": "image/jpeg",
	".js": "text/javascript; charset=utf-8", ".json": "application/json", ".jsonld": "application/ld+json",
	".jxl": "image/jxl", ".m4a": "audio/mp4", ".map": "application/json", ".md": "text/markdown; charset=utf-8",
	".mjs": "text/javascript; charset=utf-8", ".mp3": "audio/mpeg", ".mp4": "video/mp4", ".oga": "audio/ogg",
	".ogg": "audio/ogg", ".ogv": "video/ogg", ".opus": "audio/opus", ".otf": "font/otf", ".pdf": "application/pdf",
	".png": "image/png", ".svg": "image/svg+xml", ".tar": "application/x-tar", ".tif": "image/tiff", ".tiff": "image/tiff",
	".ttf": "font/ttf", ".txt": "text/plain; charset=utf-8", ".vtt": "text/vtt; charset=utf-8", ".wasm": "application/wasm",
	".wav": "audio/wav", ".weba": "audio/webm", ".webm": "video/webm", ".webmanifest": "application/manifest+json",
	".webp": "image/webp", ".woff": "font/woff", ".woff2": "font/woff2", ".xhtml": "application/xhtml+xml",
	".xml": "text/xml; charset=utf-8", ".zip": "application/zip", ".zst": "application/zstd",
}

// typeByName is the media type for a file's extension, or "": the options', the table's, the system's.
func (o *Options) typeByName(name string) string {
	ext := path.Ext(name)
	if value, ok := o.ContentTypes[ext]; ok {
		return value
	}
	lower := strings.ToLower(ext)
	if value, ok := o.ContentTypes[lower]; ok {
		return value
	}
	if value, ok := contentTypes[lower]; ok {
		return value
	}
	return mime.TypeByExtension(ext)
}

// sniff is the media type for what a file begins with (https://mimesniff.spec.whatwg.org).
func sniff(start []byte) string { return http.DetectContentType(start[:min(len(start), sniffLen)]) }
