// Package staticfiles serves the files of a directory, or of an fs.FS, from memory where they are small and by
// sendfile(2) where they are large.
//
//	files, err := staticfiles.New(staticfiles.Options{Root: "public"})
//	if err != nil { ... }
//	defer files.Close()
//	http.Handle("/", files)           // 404 where there is no such file
//	h = files.Middleware(application) // or: the application answers what is no file
//
// What is answered is what http.FileServer answers, with what it lacks: entity tags, files that were compressed
// beforehand, Cache-Control, no listing of directories, no dot files. docs/reference/middleware-staticfiles.md lists all,
// DESIGN.md says how it works.
//
// # Header values are shared
//
// The slices that a response puts into its header map belong to the cache and are the same for all requests. They have no
// spare capacity, so that Header.Add copies; Header.Set and Header.Del replace the slice, not what is in it; and servers
// only read. That leaves assigning to an element, as in w.Header()["Etag"][0] = "...": code around this package must not.
package staticfiles
