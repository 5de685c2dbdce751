package layout

import "embed"

//go:embed examples/*.json
var examples embed.FS

// ExampleTarget is the board of the example configurations.
const ExampleTarget = "NUCLEO_F429ZI"

// Example returns the project's example: the bootloader's configuration and the application's, for
// internal flash only on a NUCLEO-F429ZI with the porting guide's values.
func Example() []Source {
	var srcs []Source
	for _, name := range []string{"bootloader_app.json", "mbed_app.json"} {
		text, err := examples.ReadFile("examples/" + name)
		if err != nil {
			panic(err) // embedded: the build would have failed
		}
		srcs = append(srcs, Source{Name: "example/" + name, Text: text})
	}
	return srcs
}
