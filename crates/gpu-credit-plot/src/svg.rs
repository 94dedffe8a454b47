//! SVG as text: elements with classes, texts that are escaped.

use quick_xml::Writer;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};

/// A colour for viewers of files, as `#rrggbb`, and the class by which a style sheet gives another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    pub(crate) class: &'static str,
    pub(crate) color: &'static str,
}

/// Where a text stands to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A drawing that is being written.
pub(crate) struct Svg {
    writer: Writer<Vec<u8>>,
}

const WRITTEN: &str = "memory can be written to";

impl Svg {
    /// Opens it, with what a reader aloud says of it.
    pub(crate) fn new(size: (u32, u32), label: &str, data: &[(&str, String)]) -> Self {
        let mut svg = Svg {
            writer: Writer::new(Vec::new()),
        };
        let mut root = BytesStart::new("svg");
        root.push_attribute(("width", size.0.to_string().as_str()));
        root.push_attribute(("height", size.1.to_string().as_str()));
        root.push_attribute(("viewBox", format!("0 0 {} {}", size.0, size.1).as_str()));
        root.push_attribute(("xmlns", "http://www.w3.org/2000/svg"));
        root.push_attribute(("font-family", "sans-serif"));
        root.push_attribute(("role", "img"));
        root.push_attribute(("aria-label", label));
        for (name, value) in data {
            root.push_attribute((*name, value.as_str()));
        }
        svg.write(Event::Start(root));
        svg.end_line();
        svg
    }

    pub(crate) fn finish(mut self) -> String {
        self.write(Event::End(BytesEnd::new("svg")));
        self.end_line();
        String::from_utf8(self.writer.into_inner()).expect("what is written is text")
    }

    /// A rectangle from its upper left to its lower right corner.
    pub(crate) fn rectangle(
        &mut self,
        (left, top): (f64, f64),
        (right, bottom): (f64, f64),
        paint: Paint,
        opacity: f64,
    ) {
        let mut rectangle = filled("rect", paint, opacity);
        for (name, value) in [
            ("x", left),
            ("y", top),
            ("width", right - left),
            ("height", bottom - top),
        ] {
            rectangle.push_attribute((name, number(value).as_str()));
        }
        self.write(Event::Empty(rectangle));
        self.end_line();
    }

    /// The same, with a text that is shown when it is pointed at.
    pub(crate) fn titled_rectangle(
        &mut self,
        corners: ((f64, f64), (f64, f64)),
        paint: Paint,
        opacity: f64,
        title: &str,
    ) {
        self.write(Event::Start(BytesStart::new("g")));
        self.write(Event::Start(BytesStart::new("title")));
        self.write(Event::Text(BytesText::new(title)));
        self.write(Event::End(BytesEnd::new("title")));
        self.rectangle(corners.0, corners.1, paint, opacity);
        self.write(Event::End(BytesEnd::new("g")));
        self.end_line();
    }

    pub(crate) fn polygon(&mut self, points: &[(f64, f64)], paint: Paint, opacity: f64) {
        let mut polygon = filled("polygon", paint, opacity);
        polygon.push_attribute(("points", listed(points).as_str()));
        self.write(Event::Empty(polygon));
        self.end_line();
    }

    pub(crate) fn line(&mut self, points: &[(f64, f64)], paint: Paint, width: f64, dashes: &str) {
        let mut line = BytesStart::new("polyline");
        line.push_attribute(("class", format!("stroke {}", paint.class).as_str()));
        line.push_attribute(("fill", "none"));
        line.push_attribute(("stroke", paint.color));
        line.push_attribute(("stroke-width", number(width).as_str()));
        if !dashes.is_empty() {
            line.push_attribute(("stroke-dasharray", dashes));
        }
        line.push_attribute(("points", listed(points).as_str()));
        self.write(Event::Empty(line));
        self.end_line();
    }

    /// A text on one line; its middle is as high as the point.
    pub(crate) fn text(
        &mut self,
        text: &str,
        (x, y): (f64, f64),
        paint: Paint,
        size: u32,
        anchor: Anchor,
    ) {
        let mut element = filled("text", paint, 1.0);
        element.push_attribute(("x", number(x).as_str()));
        element.push_attribute(("y", number(y).as_str()));
        element.push_attribute(("dy", "0.35em"));
        element.push_attribute(("font-size", size.to_string().as_str()));
        match anchor {
            Anchor::Start => {}
            Anchor::Middle => element.push_attribute(("text-anchor", "middle")),
            Anchor::End => element.push_attribute(("text-anchor", "end")),
        }
        self.write(Event::Start(element));
        self.end_line();
        self.write(Event::Text(BytesText::new(text)));
        self.end_line();
        self.write(Event::End(BytesEnd::new("text")));
        self.end_line();
    }

    fn end_line(&mut self) {
        self.write(Event::Text(BytesText::from_escaped("\n")));
    }

    fn write(&mut self, event: Event<'_>) {
        self.writer.write_event(event).expect(WRITTEN);
    }
}

fn filled(element: &'static str, paint: Paint, opacity: f64) -> BytesStart<'static> {
    let mut element = BytesStart::new(element);
    element.push_attribute(("class", format!("fill {}", paint.class).as_str()));
    element.push_attribute(("fill", paint.color));
    if opacity < 1.0 {
        element.push_attribute(("fill-opacity", number(opacity).as_str()));
    }
    element
}

fn listed(points: &[(f64, f64)]) -> String {
    let mut list = String::with_capacity(points.len() * 12);
    for (x, y) in points {
        if !list.is_empty() {
            list.push(' ');
        }
        list.push_str(&number(*x));
        list.push(',');
        list.push_str(&number(*y));
    }
    list
}

/// To a tenth of a pixel.
fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    match text.strip_suffix(".0") {
        Some("-0") => "0".to_owned(),
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INK: Paint = Paint {
        class: "ink",
        color: "#000000",
    };

    #[test]
    fn numbers_are_short() {
        assert_eq!(number(-0.01), "0");
        assert_eq!(number(12.0), "12");
        assert_eq!(number(0.25), "0.2");
        assert_eq!(number(-1.75), "-1.8");
    }

    #[test]
    fn what_others_wrote_stays_text() {
        let hostile = "\"><script>alert(1)</script>&";
        let mut svg = Svg::new((10, 10), hostile, &[("data-x", hostile.to_owned())]);
        svg.text(hostile, (1.0, 1.0), INK, 9, Anchor::Start);
        svg.titled_rectangle(((0.0, 0.0), (1.0, 1.0)), INK, 1.0, hostile);
        let svg = svg.finish();
        assert!(!svg.contains("<script"), "{svg}");
        assert_eq!(svg.matches("&lt;script&gt;").count(), 4, "{svg}");
        assert!(!svg.contains("\"\">"), "{svg}");
    }
}
