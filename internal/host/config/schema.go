package config

import "encoding/json"

//go:generate go test -run TestSchemaIsCurrent -update

// schema is a JSON Schema, or a part of one.
type schema map[string]any

// definitions collects the schemas of objects, so that each is written once.
type definitions map[string]schema

// Schema returns the JSON Schema of the configuration file, for editors. The file schema/lanner.schema.json holds the same.
func Schema() []byte {
	g := definitions{}
	root := configObject.body(g)
	root["$schema"] = "http://json-schema.org/draft-07/schema#"
	root["title"] = "lanner.yaml"
	root["definitions"] = g
	data, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		panic("config: a schema of maps and strings cannot fail to be written: " + err.Error())
	}
	return append(data, '\n')
}

func (o *object[T]) schema(g definitions) schema {
	if _, ok := g[o.name]; !ok {
		g[o.name] = o.body(g)
	}
	return schema{"$ref": "#/definitions/" + o.name}
}

func (o *object[T]) body(g definitions) schema {
	properties := schema{}
	var required []string
	for _, f := range o.fields {
		// What stands beside a $ref is ignored in draft 7, so the reference goes into a list of one.
		property := f.schema(g)
		if property["$ref"] != nil {
			property = schema{"allOf": []schema{property}}
		}
		described := schema{"description": f.doc}
		for k, v := range property {
			described[k] = v
		}
		switch {
		case f.literal:
			described["default"] = literal(f.fallback)
		case f.fallback != "":
			described["description"] = f.doc + " Default: " + f.fallback + "."
		}
		properties[f.key] = described
		if f.required {
			required = append(required, f.key)
		}
	}
	body := schema{"type": "object", "description": o.doc, "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		body["required"] = required
	}
	return body
}

// literal returns a default as a JSON value.
func literal(text string) any {
	switch tagOf(text, false) {
	case "!!int":
		return json.Number(text)
	case "!!bool":
		return text == "true"
	}
	return text
}

// orExpansion lets a text with ${...} stand for the value.
func orExpansion(s schema) schema {
	return schema{"anyOf": []schema{s, {"type": "string", "pattern": `\$\{`}}}
}
