// Api-types writes what crates/drift knows of the types of the Kubernetes API: for each kind its
// type, and for each type its fields with their JSON names, forms, merge keys and declared
// defaults. Arguments: the source folders of k8s.io/api, apimachinery, apiextensions-apiserver
// and kube-aggregator. The table goes to standard output; crates/drift/src/types.rs says how it
// is read.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"log"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// pkg is one API package.
type pkg struct {
	short   string // "core/v1"
	group   string // "" for core
	version string
	types   map[string]ast.Expr
	imports map[string]map[string]string // type's name -> imports of its file
	consts  map[string]string
}

// opaque are the types with a form of their own on the wire.
var opaque = map[string]string{
	"meta/v1.Time":                                  "t",
	"meta/v1.MicroTime":                             "t",
	"meta/v1.Duration":                              "d",
	"meta/v1.FieldsV1":                              "r",
	"resource.Quantity":                             "q",
	"intstr.IntOrString":                            "x",
	"runtime.RawExtension":                          "r",
	"core/v1.ResourceList":                          "{}Q",
	"apiextensions/v1.JSON":                         "r",
	"types.UID":                                     "s",
	"types.NodeName":                                "s",
	"types.NamespacedName":                          "r",
	"apiextensions/v1.JSONSchemaPropsOrArray":       "?Tapiextensions/v1.JSONSchemaProps",
	"apiextensions/v1.JSONSchemaPropsOrBool":        "?Tapiextensions/v1.JSONSchemaProps",
	"apiextensions/v1.JSONSchemaPropsOrStringArray": "?Tapiextensions/v1.JSONSchemaProps",
}

// unstored are the packages whose kinds an API server of today does not store.
var unstored = []string{
	"apidiscovery", "apiserverinternal", "authentication", "authorization", "extensions",
	"imagepolicy", "lifecycle",
}

var packages = map[string]*pkg{} // by import path
var byShort = map[string]*pkg{}
var lines = map[string]string{}

func main() {
	if len(os.Args) != 5 {
		log.Fatal("usage: api-types API APIMACHINERY APIEXTENSIONS-APISERVER KUBE-AGGREGATOR (folders)")
	}
	groups, err := filepath.Glob(filepath.Join(os.Args[1], "*", "v*"))
	check(err)
	for _, folder := range groups {
		path, err := filepath.Rel(os.Args[1], folder)
		check(err)
		load(folder, "k8s.io/api/"+path, path)
	}
	load(os.Args[2]+"/pkg/apis/meta/v1", "k8s.io/apimachinery/pkg/apis/meta/v1", "meta/v1")
	const extensions, aggregator = "/pkg/apis/apiextensions/v1", "/pkg/apis/apiregistration/v1"
	load(os.Args[3]+extensions, "k8s.io/apiextensions-apiserver"+extensions, "apiextensions/v1")
	load(os.Args[4]+aggregator, "k8s.io/kube-aggregator"+aggregator, "apiregistration/v1")

	kinds := map[string][]*pkg{}
	for _, p := range packages {
		if slices.Contains(unstored, strings.Split(p.short, "/")[0]) {
			continue
		}
		for name := range p.types {
			if p.short != "meta/v1" && isKind(p, name) {
				key := p.group + " " + name
				kinds[key] = append(kinds[key], p)
			}
		}
	}
	var heads []string
	for key, in := range kinds {
		group, name, _ := strings.Cut(key, " ")
		slices.SortFunc(in, func(a, b *pkg) int { return rank(b.version) - rank(a.version) })
		for i, p := range in {
			// Every stable version; a preview only where there is no stable one.
			if i > 0 && rank(p.version) < 1000 {
				break
			}
			heads = append(heads, fmt.Sprintf("kind %s %s %s", name, strings.Trim(group+"/"+p.version, "/"), p.short+"."+name))
			reach(p, name)
		}
	}
	slices.Sort(heads)
	fmt.Println("# Made by `cargo xtask api-types` from the sources of Kubernetes; do not edit.")
	for _, head := range heads {
		fmt.Println(head)
	}
	var names []string
	for name := range lines {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Println("type " + name + lines[name])
	}
}

// rank orders versions; stable ones are at 1000 and above.
func rank(version string) int {
	parts := regexp.MustCompile(`^v(\d+)(?:(alpha|beta)(\d+))?$`).FindStringSubmatch(version)
	if parts == nil {
		return 0
	}
	major, _ := strconv.Atoi(parts[1])
	minor, _ := strconv.Atoi(parts[3])
	return map[string]int{"": 1000, "beta": 500, "alpha": 0}[parts[2]] + 20*major + minor
}

func load(folder, path, short string) {
	p := &pkg{short: short, types: map[string]ast.Expr{}, imports: map[string]map[string]string{}, consts: map[string]string{}}
	_, p.version, _ = strings.Cut(short, "/")
	files, err := filepath.Glob(folder + "/*.go")
	check(err)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || strings.HasPrefix(filepath.Base(name), "zz_") || strings.HasSuffix(name, ".pb.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		check(err)
		if file.Doc != nil {
			for _, c := range file.Doc.List {
				if group, ok := strings.CutPrefix(c.Text, "// +groupName="); ok && group != "" {
					p.group = group
				}
			}
		}
		imports := map[string]string{}
		for _, spec := range file.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			name := path[strings.LastIndex(path, "/")+1:]
			if spec.Name != nil {
				name = spec.Name.Name
			}
			imports[name] = path
		}
		for _, decl := range file.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok {
				continue
			}
			for _, spec := range gen.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					p.types[spec.Name.Name] = spec.Type
					p.imports[spec.Name.Name] = imports
				case *ast.ValueSpec:
					for i, name := range spec.Names {
						if i < len(spec.Values) {
							if lit, ok := spec.Values[i].(*ast.BasicLit); ok {
								p.consts[name.Name] = lit.Value
							}
							if name.Name == "GroupName" {
								if lit, ok := spec.Values[i].(*ast.BasicLit); ok {
									p.group, _ = strconv.Unquote(lit.Value)
								}
							}
						}
					}
				}
			}
		}
	}
	packages[path], byShort[short] = p, p
}

func isKind(p *pkg, name string) bool {
	s, ok := p.types[name].(*ast.StructType)
	if !ok || strings.HasSuffix(name, "List") {
		return false
	}
	typed, named := false, false
	for _, f := range s.Fields.List {
		sel, ok := f.Type.(*ast.SelectorExpr)
		typed = typed || ok && sel.Sel.Name == "TypeMeta"
		named = named || ok && sel.Sel.Name == "ObjectMeta"
	}
	return typed && named
}

// reach writes the line of a struct type and of those that it uses.
func reach(p *pkg, name string) {
	full := p.short + "." + name
	if _, done := lines[full]; done {
		return
	}
	lines[full] = ""
	var line strings.Builder
	fields(p, name, &line)
	lines[full] = line.String()
}

func fields(p *pkg, name string, line *strings.Builder) {
	s := p.types[name].(*ast.StructType)
	for _, f := range s.Fields.List {
		tag := reflect.StructTag("")
		if f.Tag != nil {
			raw, _ := strconv.Unquote(f.Tag.Value)
			tag = reflect.StructTag(raw)
		}
		jsonName, options, _ := strings.Cut(tag.Get("json"), ",")
		if len(f.Names) == 0 && (jsonName == "" || strings.Contains(options, "inline")) {
			q, inner := p, ""
			switch t := f.Type.(type) {
			case *ast.Ident:
				inner = t.Name
			case *ast.SelectorExpr:
				q, inner = packages[p.imports[name][t.X.(*ast.Ident).Name]], t.Sel.Name
			}
			fields(q, inner, line)
			continue
		}
		if jsonName == "" || jsonName == "-" {
			continue
		}
		m := markers(f)
		form := form(p, name, f.Type)
		if rest, ok := strings.CutPrefix(form, "[]"); ok {
			switch {
			case m["listType"] == "set":
				form = "[set]" + rest
			case m["listMapKey"] != "":
				form = "[" + m["listMapKey"] + "]" + rest
			case m["listType"] != "atomic" && tag.Get("patchMergeKey") != "":
				form = "[" + tag.Get("patchMergeKey") + "]" + rest
			case m["listType"] != "atomic" && tag.Get("patchStrategy") == "merge":
				form = "[set]" + rest
			}
		}
		fmt.Fprintf(line, " %s=%s", jsonName, form)
		if value, ok := m["default"]; ok {
			if ref, ok := strings.CutPrefix(value, "ref("); ok {
				ref = strings.TrimSuffix(ref, ")")
				value, ok = p.consts[ref]
				if !ok {
					log.Fatalf("%s.%s: no constant %s", name, jsonName, ref)
				}
			}
			var compact bytes.Buffer
			check(json.Compact(&compact, []byte(value)))
			line.WriteString("|" + compact.String())
		}
	}
}

func markers(f *ast.Field) map[string]string {
	found := map[string]string{}
	if f.Doc == nil {
		return found
	}
	for _, c := range f.Doc.List {
		text, ok := strings.CutPrefix(strings.TrimSpace(strings.TrimPrefix(c.Text, "//")), "+")
		if !ok {
			continue
		}
		key, value, _ := strings.Cut(text, "=")
		if old := found[key]; key == "listMapKey" && old != "" {
			value = old + "," + value
		}
		found[key] = value
	}
	return found
}

func form(p *pkg, holder string, t ast.Expr) string {
	switch t := t.(type) {
	case *ast.StarExpr:
		return "*" + form(p, holder, t.X)
	case *ast.ArrayType:
		if ident, ok := t.Elt.(*ast.Ident); ok && ident.Name == "byte" {
			return "y"
		}
		return "[]" + form(p, holder, t.Elt)
	case *ast.MapType:
		return "{}" + form(p, holder, t.Value)
	case *ast.InterfaceType:
		return "r"
	case *ast.Ident:
		switch t.Name {
		case "string":
			return "s"
		case "bool":
			return "b"
		case "int", "int8", "int16", "int32", "int64", "uint8", "uint32", "uint64", "float32", "float64":
			return "n"
		}
		return named(p, t.Name)
	case *ast.SelectorExpr:
		path := p.imports[holder][t.X.(*ast.Ident).Name]
		if q := packages[path]; q != nil {
			return named(q, t.Sel.Name)
		}
		short := path[strings.LastIndex(path, "/")+1:] + "." + t.Sel.Name
		if form, ok := opaque[short]; ok {
			return form
		}
		log.Fatalf("%s: unknown type %s.%s", holder, path, t.Sel.Name)
	}
	log.Fatalf("%s: unknown form %T", holder, t)
	return ""
}

func named(p *pkg, name string) string {
	full := p.short + "." + name
	if form, ok := opaque[full]; ok {
		if _, ref, ok := strings.Cut(form, "?T"); ok {
			_, inner, _ := strings.Cut(ref, ".")
			reach(p, inner)
		}
		return form
	}
	expr, ok := p.types[name]
	if !ok {
		log.Fatalf("unknown type %s", full)
	}
	if _, ok := expr.(*ast.StructType); ok {
		reach(p, name)
		return "T" + full
	}
	return form(p, name, expr)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
