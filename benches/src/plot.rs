//! Curves, as a picture in SVG.

use crate::digits::number;
use std::fmt::Write as _;

/// One curve: how much something costs as something else grows.
#[derive(Debug)]
pub(crate) struct Curve {
    pub(crate) title: String,
    /// What grows.
    pub(crate) grows: String,
    pub(crate) unit: String,
    /// Where it was measured, and what it was there, from the smallest on.
    pub(crate) points: Vec<(f64, f64)>,
}

/// All curves, two beside each other; what grows is on a logarithmic scale, what it costs on one that begins at zero.
pub(crate) fn svg(curves: &[Curve]) -> String {
    let rows = curves.len().div_ceil(2);
    let (width, height) = (2.0 * WIDTH, rows as f64 * HEIGHT);
    let mut text = String::new();
    // Writing to text cannot fail.
    let _ = writeln!(
        text,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"11\" fill=\"#333\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>"
    );
    for (index, curve) in curves.iter().enumerate() {
        let (left, top) = ((index % 2) as f64 * WIDTH, (index / 2) as f64 * HEIGHT);
        let _ = writeln!(text, "<g transform=\"translate({left} {top})\">");
        draw(&mut text, curve);
        text.push_str("</g>\n");
    }
    text.push_str("</svg>\n");
    text
}

fn draw(text: &mut String, curve: &Curve) {
    let Curve { title, grows, unit, points } = curve;
    let (Some(first), Some(last)) = (points.first(), points.last()) else { return };
    let (from, to) = (first.0.log10(), last.0.log10().max(first.0.log10() + 1.0));
    let most = points.iter().map(|point| point.1).fold(f64::MIN_POSITIVE, f64::max) * 1.15;
    let x = |value: f64| EDGE + (value.log10() - from) / (to - from) * (WIDTH - 2.0 * EDGE);
    let y = |value: f64| HEIGHT - EDGE - value / most * (HEIGHT - 2.0 * EDGE);
    let (bottom, right) = (HEIGHT - EDGE, WIDTH - EDGE);
    let _ =
        writeln!(text, "<text x=\"{EDGE}\" y=\"20\" font-size=\"13\" font-weight=\"bold\">{title}</text>");
    let _ = writeln!(text, "<text x=\"{EDGE}\" y=\"34\">{unit}</text>");
    let _ = writeln!(text, "<text x=\"{right}\" y=\"{}\" text-anchor=\"end\">{grows}</text>", bottom + 30.0);
    let _ = writeln!(text, "<path d=\"M{EDGE} {EDGE} V{bottom} H{right}\" fill=\"none\" stroke=\"#999\"/>");
    let mut path = String::new();
    for (index, (grown, cost)) in points.iter().enumerate() {
        let (x, y) = (x(*grown), y(*cost));
        let _ = write!(path, "{}{x:.1} {y:.1} ", if index == 0 { "M" } else { "L" });
        let _ = writeln!(text, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"#06c\"/>");
        let _ = writeln!(
            text,
            "<text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            y - 8.0,
            number(*cost)
        );
        let _ = writeln!(
            text,
            "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            bottom + 15.0,
            number(*grown)
        );
    }
    let _ =
        writeln!(text, "<path d=\"{}\" fill=\"none\" stroke=\"#06c\" stroke-width=\"2\"/>", path.trim_end());
}

const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 230.0;
const EDGE: f64 = 50.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_drawn_and_higher_costs_are_higher_up() {
        let points = vec![(100.0, 1.0), (1000.0, 2.0), (10_000.0, 4.0)];
        let curve =
            Curve { title: "t".to_owned(), grows: "events".to_owned(), unit: "µs".to_owned(), points };
        let picture = svg(&[curve]);
        let heights: Vec<f64> = picture
            .lines()
            .filter_map(|line| line.split("cy=\"").nth(1)?.split('"').next()?.parse().ok())
            .collect();
        assert_eq!(heights.len(), 3);
        assert!(heights.is_sorted_by(|one, next| one > next), "{heights:?}");
        assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"));
    }
}
