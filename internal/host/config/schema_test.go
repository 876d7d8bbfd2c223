package config

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	yaml "go.yaml.in/yaml/v4"
)

const schemaFile = "../../../schema/lanner.schema.json"

func TestSchemaIsCurrent(t *testing.T) {
	golden(t, schemaFile, string(Schema()))
}

func TestTheSchemaAcceptsEveryValidFile(t *testing.T) {
	files, err := filepath.Glob("testdata/valid/*")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	shown, err := filepath.Glob("testdata/show/full*.yaml")
	if err != nil || len(shown) == 0 {
		t.Fatal(shown, err)
	}
	for _, file := range append(files, shown...) {
		if wrong := validateFile(t, file); wrong != nil {
			t.Errorf("%s: the schema refuses what the program accepts: %v", file, wrong)
		}
	}
}

// TestTheSchemaFindsWhatAnEditorCanFind lists the broken files an editor should mark. The others break rules that a schema cannot
// say, such as a pool that is not declared.
func TestTheSchemaFindsWhatAnEditorCanFind(t *testing.T) {
	for _, name := range []string{
		"bad-application-paths", "bad-environment", "bad-health-check", "bad-hosting", "bad-log", "bad-pool-name", "bad-schedule", "bad-site-name",
		"bad-sizes", "bad-durations", "bad-start-mode", "bad-binding-urls", "binding-with-query", "empty-collections", "inprocess-without-command",
		"json", "missing-keys", "missing-sites", "no-sites", "no-value", "out-of-range", "port-out-of-range", "root-is-a-list", "spec-two-mistakes",
		"unknown-key-other-object", "unknown-top-key", "wrong-type-list-for-mapping", "wrong-type-numbers", "wrong-type-scalars", "wrong-type-text-for-list",
	} {
		if wrong := validateFile(t, "testdata/broken/"+name+".yaml"); wrong == nil {
			t.Errorf("%s: the schema accepts it", name)
		}
	}
}

func validateFile(t *testing.T, file string) error {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var document any
	if err := yaml.Load(data, &document); err != nil {
		t.Fatal(file, err)
	}
	// Through JSON, so that numbers and keys have one type.
	text, err := json.Marshal(document)
	if err != nil {
		t.Fatal(file, err)
	}
	var value any
	var root map[string]any
	if err := json.Unmarshal(text, &value); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(Schema(), &root); err != nil {
		t.Fatal(err)
	}
	return validator{root}.validate(root, value, "")
}

// validator checks the part of JSON Schema draft 7 that the schema uses, and fails on any other keyword.
type validator struct{ root map[string]any }

func (v validator) validate(s map[string]any, value any, at string) error {
	for keyword, rule := range s {
		if err := v.keyword(s, keyword, rule, value, at); err != nil {
			return err
		}
	}
	return nil
}

func (v validator) keyword(s map[string]any, keyword string, rule, value any, at string) error {
	text, isText := value.(string)
	number, isNumber := value.(float64)
	items, _ := value.([]any)
	members, _ := value.(map[string]any)
	switch keyword {
	case "description", "title", "default", "$schema", "definitions":
		return nil
	case "$ref":
		name := strings.TrimPrefix(rule.(string), "#/definitions/")
		return v.validate(v.root["definitions"].(map[string]any)[name].(map[string]any), value, at)
	case "allOf":
		for _, part := range rule.([]any) {
			if err := v.validate(part.(map[string]any), value, at); err != nil {
				return err
			}
		}
		return nil
	case "anyOf":
		var all []string
		for _, part := range rule.([]any) {
			err := v.validate(part.(map[string]any), value, at)
			if err == nil {
				return nil
			}
			all = append(all, err.Error())
		}
		return fmt.Errorf("%s", strings.Join(all, " | "))
	case "type":
		return check(hasType(rule, value), at, "type", rule)
	case "const":
		return check(reflect.DeepEqual(rule, value), at, "const", rule)
	case "enum":
		return check(slices.Contains(rule.([]any), value), at, "enum", rule)
	case "pattern":
		return check(!isText || regexp.MustCompile(rule.(string)).MatchString(text), at, "pattern", rule)
	case "minLength":
		return check(!isText || utf8.RuneCountInString(text) >= int(rule.(float64)), at, "minLength", rule)
	case "minimum":
		return check(!isNumber || number >= rule.(float64), at, "minimum", rule)
	case "maximum":
		return check(!isNumber || number <= rule.(float64), at, "maximum", rule)
	case "minItems":
		return check(items == nil || len(items) >= int(rule.(float64)), at, "minItems", rule)
	case "minProperties":
		return check(members == nil || len(members) >= int(rule.(float64)), at, "minProperties", rule)
	case "items":
		for i, item := range items {
			if err := v.validate(rule.(map[string]any), item, element(at, i)); err != nil {
				return err
			}
		}
		return nil
	case "required":
		for _, name := range rule.([]any) {
			if _, ok := members[name.(string)]; members != nil && !ok {
				return check(false, at, "required", name)
			}
		}
		return nil
	case "propertyNames":
		for name := range members {
			if err := v.validate(rule.(map[string]any), name, at); err != nil {
				return err
			}
		}
		return nil
	case "properties":
		for name, part := range rule.(map[string]any) {
			if member, ok := members[name]; ok {
				if err := v.validate(part.(map[string]any), member, at+"."+name); err != nil {
					return err
				}
			}
		}
		return nil
	case "additionalProperties":
		known, _ := s["properties"].(map[string]any)
		for name, member := range members {
			if _, ok := known[name]; ok {
				continue
			}
			part, ok := rule.(map[string]any)
			if !ok {
				return check(false, at, "additionalProperties", name)
			}
			if err := v.validate(part, member, at+"."+name); err != nil {
				return err
			}
		}
		return nil
	}
	return fmt.Errorf("%s: the test does not know the keyword %s", at, keyword)
}

func check(ok bool, at, keyword string, rule any) error {
	if ok {
		return nil
	}
	return fmt.Errorf("%s: %s %v", at, keyword, rule)
}

func hasType(rule, value any) bool {
	if list, ok := rule.([]any); ok {
		return slices.ContainsFunc(list, func(one any) bool { return hasType(one, value) })
	}
	switch v := value.(type) {
	case string:
		return rule == "string"
	case bool:
		return rule == "boolean"
	case float64:
		return rule == "number" || rule == "integer" && v == float64(int64(v))
	case []any:
		return rule == "array"
	case map[string]any:
		return rule == "object"
	}
	return false
}
