package archive

import (
	"fmt"
	"path"
	"strings"
	"unicode"
)

// maxSection bounds the text of one section in bytes; a longer one goes on in
// further parts, so that what is found is small enough to be read.
const maxSection = 4000

// section is a heading of a Markdown file with the text under it.
type section struct {
	anchor string // as GitHub makes it; unique within the file
	title  string // of the file, and of the heading where it is another
	body   string
}

// split cuts a Markdown file at its headings. The file's title is its first
// heading of the first level, or its name.
func split(name, text string) []section {
	p := parser{title: strings.TrimSuffix(path.Base(name), path.Ext(name)), anchors: map[string]int{}}
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	if end := frontMatter(lines); end > 0 {
		lines = lines[end:]
	}
	for i, line := range lines {
		if p.fence(line) {
			p.body = append(p.body, line)
			continue
		}
		if level, heading := atx(line); level > 0 {
			p.begin(level, heading)
			continue
		}
		if level := underline(line); level > 0 && i > 0 && len(p.body) > 0 && paragraph(p.body[len(p.body)-1]) {
			heading := p.body[len(p.body)-1]
			p.body = p.body[:len(p.body)-1]
			p.begin(level, strings.TrimSpace(heading))
			continue
		}
		p.body = append(p.body, line)
	}
	p.end()
	return p.sections
}

// parser is the state of one split.
type parser struct {
	title    string // of the file
	titled   bool   // by a heading
	heading  string // of the section at hand
	open     string // the fence that a code block ends with, "" outside
	body     []string
	sections []section
	anchors  map[string]int
}

// fence follows code blocks, in which # is no heading. It reports whether the
// line belongs to one.
func (p *parser) fence(line string) bool {
	trimmed := strings.TrimLeft(line, " ")
	if p.open != "" {
		if strings.HasPrefix(trimmed, p.open) && strings.Trim(trimmed, p.open[:1]+" \t") == "" {
			p.open = ""
		}
		return true
	}
	for _, mark := range []string{"`", "~"} {
		if n := len(trimmed) - len(strings.TrimLeft(trimmed, mark)); n >= 3 {
			p.open = strings.Repeat(mark, n)
			return true
		}
	}
	return false
}

func (p *parser) begin(level int, heading string) {
	p.end()
	p.heading = heading
	if level == 1 && !p.titled && heading != "" {
		p.title, p.titled, p.heading = heading, true, ""
	}
}

// end closes the section at hand. One without text is kept for its heading,
// which can be what somebody looks for.
func (p *parser) end() {
	body := strings.TrimSpace(strings.Join(p.body, "\n"))
	p.body = nil
	if body == "" && p.heading == "" && (!p.titled || len(p.sections) > 0) {
		return
	}
	title := p.title
	if p.heading != "" {
		title += " › " + p.heading
	}
	for _, part := range parts(body) {
		p.sections = append(p.sections, section{anchor: p.anchor(), title: title, body: part})
	}
}

func (p *parser) anchor() string {
	var b strings.Builder
	heading := p.heading
	if heading == "" {
		heading = p.title
	}
	for _, r := range strings.ToLower(heading) {
		switch {
		case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
			b.WriteRune(r)
		case r == ' ':
			b.WriteByte('-')
		}
	}
	a := b.String()
	n := p.anchors[a]
	p.anchors[a]++
	if n == 0 {
		return a
	}
	return p.unique(fmt.Sprintf("%s-%d", a, n))
}

// unique sees to headings such as "a", "a", "a-1".
func (p *parser) unique(a string) string {
	for p.anchors[a] > 0 {
		a += "-1"
	}
	p.anchors[a]++
	return a
}

// parts cuts a long text at paragraphs, then at lines, then anywhere.
func parts(text string) []string {
	var out []string
	for len(text) > maxSection {
		cut := strings.LastIndex(text[:maxSection], "\n\n")
		if cut < maxSection/2 {
			cut = strings.LastIndex(text[:maxSection], "\n")
		}
		if cut < maxSection/2 {
			cut = maxSection
			for cut > 0 && text[cut]&0xC0 == 0x80 { // not within a character
				cut--
			}
		}
		out = append(out, strings.TrimSpace(text[:cut]))
		text = strings.TrimSpace(text[cut:])
	}
	return append(out, text)
}

// frontMatter is the number of lines of a YAML block at the top of a file.
func frontMatter(lines []string) int {
	if len(lines) == 0 || strings.TrimRight(lines[0], " ") != "---" {
		return 0
	}
	for i, line := range lines[1:] {
		if l := strings.TrimRight(line, " "); l == "---" || l == "..." {
			return i + 2
		}
	}
	return 0
}

// atx reads a heading such as "## Pool exhausted ##"; level 0 is none.
func atx(line string) (level int, heading string) {
	indent := len(line) - len(strings.TrimLeft(line, " "))
	line = line[indent:]
	for level < len(line) && line[level] == '#' {
		level++
	}
	if indent > 3 || level == 0 || level > 6 || level < len(line) && line[level] != ' ' && line[level] != '\t' {
		return 0, ""
	}
	heading = strings.TrimSpace(line[level:])
	if closing := strings.TrimRight(heading, "#"); closing == "" || strings.HasSuffix(closing, " ") {
		heading = strings.TrimSpace(closing)
	}
	return level, heading
}

// underline is the level of the heading whose second line this is, 0 for none.
func underline(line string) int {
	line = strings.TrimRight(line, " ")
	switch {
	case len(line) >= 2 && strings.Trim(line, "=") == "":
		return 1
	case len(line) >= 2 && strings.Trim(line, "-") == "":
		return 2
	}
	return 0
}

// paragraph reports whether a line is plain text, which an underline makes a heading.
func paragraph(line string) bool {
	t := strings.TrimSpace(line)
	return t != "" && !strings.HasPrefix(line, "    ") && !strings.ContainsAny(t[:1], "|>-*+#`~")
}
