//! Curves of a score as SVG, legible in light and dark.

use std::fmt::Write as _;

/// A named curve.
pub struct Line {
    /// Its name, in the legend.
    pub name: String,
    /// Its points.
    pub points: Vec<(f64, f64)>,
}

const COLOURS: [&str; 8] =
    ["#1f6feb", "#d9730d", "#2da44e", "#cf222e", "#8250df", "#9a6700", "#0a7ea4", "#bf3989"];

/// Draws curves over two axes from zero, the y axis in per cent or as a number.
#[must_use]
pub fn draw(title: &str, x: &str, y: &str, lines: &[Line]) -> String {
    let all = || lines.iter().flat_map(|line| line.points.iter());
    let most = |pick: fn(&(f64, f64)) -> f64| all().map(pick).fold(f64::MIN_POSITIVE, f64::max);
    let (most_x, most_y) = (most(|point| point.0), most(|point| point.1));
    let (left, top, wide, high) = (60.0, 40.0, 560.0, 300.0);
    let at = |point: &(f64, f64)| (left + point.0 / most_x * wide, top + high - point.1 / most_y * high);
    let mut svg = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 860 400\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"860\" height=\"400\" fill=\"#ffffff\"/>\n",
    );
    let _ = writeln!(svg, "<text x=\"{left}\" y=\"22\" font-size=\"15\" fill=\"#1f2328\">{title}</text>");
    let digits = |most: f64| if most >= 20.0 { 0 } else { 1 };
    for tick in 0..=4 {
        let share = f64::from(tick) / 4.0;
        let (px, py) = (left + share * wide, top + high - share * high);
        let _ = writeln!(
            svg,
            "<path d=\"M{left} {py:.1}H{}\" stroke=\"#d0d7de\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\" \
             fill=\"#57606a\">{:.*}</text><text x=\"{px:.1}\" y=\"{}\" text-anchor=\"middle\" \
             fill=\"#57606a\">{:.0}</text>",
            left + wide,
            left - 6.0,
            py + 4.0,
            digits(most_y),
            share * most_y,
            top + high + 18.0,
            share * most_x,
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"#1f2328\">{x}</text>\
         <text transform=\"translate(16 {}) rotate(-90)\" text-anchor=\"middle\" fill=\"#1f2328\">{y}</text>",
        left + wide / 2.0,
        top + high + 40.0,
        top + high / 2.0,
    );
    for ((index, line), colour) in lines.iter().enumerate().zip(COLOURS.iter().cycle()) {
        let mut path = String::new();
        for point in &line.points {
            let (px, py) = at(point);
            let _ = write!(path, "{}{px:.1} {py:.1}", if path.is_empty() { 'M' } else { 'L' });
        }
        let row = top + 10.0 + super::number(index) * 22.0;
        let _ = writeln!(
            svg,
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\
             <path d=\"M640 {row}h18\" stroke=\"{colour}\" stroke-width=\"3\"/>\
             <text x=\"664\" y=\"{}\" fill=\"#1f2328\">{}</text>",
            row + 4.0,
            line.name,
        );
    }
    svg.push_str("</svg>\n");
    svg
}
