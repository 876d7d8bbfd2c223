package main

import (
	"bytes"
	"fmt"
	"html"
	"math"
)

// Measures of a chart in pixels, and its colours.
const (
	chartWidth  = 900
	margin      = 24
	labelWidth  = 250 // left of the bars
	valueWidth  = 150 // right of the longest bar
	barHeight   = 18
	barStep     = 25
	titleHeight = 62
	rowTitle    = 40
	rowGap      = 14
	footHeight  = 66

	colourText  = "#1f2933"
	colourFaint = "#616e7c"
)

// colours are those of the bars.
var colours = map[role]string{subject: "#0b7a75", ours: "#55aaa5", peer: "#9aa5b1", limit: "#d3d9df"}

// drawing is an SVG picture that grows downwards.
type drawing struct {
	bytes.Buffer
	y float64
}

// drawChart draws a panel for each row: a bar for each server's median with a whisker from the lowest to the highest round.
// Each panel has a scale of its own.
func (r *report) drawChart(title string, rows []rowResult) []byte {
	height := titleHeight + footHeight
	for _, row := range rows {
		height += rowTitle + barStep*len(row.table().lines) + rowGap
	}
	var d drawing
	fmt.Fprintf(&d, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%[2]d" viewBox="0 0 %[1]d %[2]d" font-family="system-ui, 'Segoe UI', Helvetica, Arial, sans-serif">`+"\n", chartWidth, height)
	fmt.Fprintf(&d, "<title>%s</title>\n", html.EscapeString(title))
	fmt.Fprintf(&d, `<rect width="%d" height="%d" fill="#ffffff"/>`+"\n", chartWidth, height)
	d.text(margin, 34, 20, colourText, "start", "bold", title)
	d.text(margin, 54, 12, colourFaint, "start", "normal", "Shorter is better. Median of "+count(r.Rounds, "round")+"; the thin line is their range.")
	d.y = titleHeight
	for _, row := range rows {
		d.panel(row)
	}
	d.y += 18
	for _, line := range []string{r.machineText(), r.versionText(), r.methodText()} {
		d.text(margin, d.y, 11, colourFaint, "start", "normal", line)
		d.y += 16
	}
	d.WriteString("</svg>\n")
	return d.Bytes()
}

// panel draws a row.
func (d *drawing) panel(row rowResult) {
	d.y += 24
	d.text(margin, d.y, 14, colourText, "start", "bold", row.Name)
	d.text(chartWidth-margin, d.y, 12, colourFaint, "end", "normal", string(row.Unit))
	d.text(margin+labelWidth, d.y, 12, colourFaint, "start", "normal", row.Title)
	d.y += rowTitle - 24
	var highest float64
	for _, s := range row.Servers {
		highest = max(highest, spread(s.values(cost)).Max)
	}
	scale := 0.0
	if highest > 0 {
		scale = (chartWidth - 2*margin - labelWidth - valueWidth) / highest
	}
	for _, s := range row.Servers {
		if values := s.values(cost); len(values) > 0 {
			d.bar(s, spread(values), scale)
			d.y += barStep
		}
	}
	d.y += rowGap
}

func (d *drawing) bar(s serverResult, cost span, scale float64) {
	const left = margin + labelWidth
	weight := "normal"
	if s.Role == subject {
		weight = "bold"
	}
	middle := d.y + barHeight/2
	length := func(v float64) float64 { return math.Max(0, v*scale) }
	d.text(left-10, middle+4, 13, colourText, "end", weight, s.Name)
	fmt.Fprintf(d, `<rect x="%d" y="%.1f" width="%.1f" height="%d" rx="2" fill="%s"/>`+"\n", left, d.y, math.Max(1, length(cost.Median)), barHeight, colours[s.Role])
	if low, high := left+length(cost.Min), left+length(cost.Max); high-low > 2 {
		fmt.Fprintf(d, `<path d="M%.1f %.1fH%.1fM%.1f %.1fv8M%.1f %.1fv8" stroke="%s" stroke-width="1.5" fill="none"/>`+"\n",
			low, middle, high, low, middle-4, high, middle-4, colourText)
	}
	end := left + math.Max(length(cost.Median), length(cost.Max))
	d.text(end+8, middle+4, 13, colourText, "start", weight, figures(cost.Median))
}

func (d *drawing) text(x, y float64, size int, colour, anchor, weight, text string) {
	fmt.Fprintf(d, `<text x="%.1f" y="%.1f" font-size="%d" fill="%s" text-anchor="%s" font-weight="%s">%s</text>`+"\n",
		x, y, size, colour, anchor, weight, html.EscapeString(text))
}
