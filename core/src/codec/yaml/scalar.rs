//! How a text may be written: plain, in quotes or as a block. Source: libyaml's analysis of
//! scalars, as go-yaml version 2 has it.

use super::resolve::{Resolved, resolve};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Single,
    Double,
    /// Line by line, after `|`.
    Literal,
}

/// What a text allows.
struct Analysis {
    multiline: bool,
    plain: bool,
    single: bool,
    block: bool,
}

/// The style of a text; a key stands on one line.
pub(super) fn style(text: &str, key: bool) -> Style {
    let analysis = analyze(text);
    let wanted = if text.contains('\n') {
        Style::Literal
    } else if resolve(text) == Resolved::Text && !is_base_60(text) {
        Style::Plain
    } else {
        Style::Double
    };
    let wanted = if key && analysis.multiline { Style::Double } else { wanted };
    match wanted {
        Style::Plain if analysis.plain => Style::Plain,
        Style::Plain if analysis.single => Style::Single,
        Style::Literal if analysis.block && !key => Style::Literal,
        _ => Style::Double,
    }
}

/// Whether a text can be a key without a `?` before it.
pub(super) fn is_simple_key(text: &str) -> bool {
    const BYTES_MAX: usize = 128;
    text.len() <= BYTES_MAX && !text.contains(is_break)
}

fn analyze(text: &str) -> Analysis {
    let mut indicators = text.starts_with("---") || text.starts_with("...");
    let (mut special, mut breaks) = (false, false);
    let (mut break_space, mut space_break) = (false, false);
    let (mut after_space, mut after_break) = (false, false);
    let mut after_blank = true;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let before_blank = chars.peek().is_none_or(|(_, next)| is_blank(*next));
        indicators |= match c {
            '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%'
            | '@' | '`'
                if at == 0 =>
            {
                true
            }
            '?' | '-' if at == 0 => before_blank,
            ':' => before_blank,
            '#' => after_blank,
            _ => false,
        };
        special |= !is_printable(c);
        if c == ' ' {
            break_space |= after_break;
            (after_space, after_break) = (true, false);
        } else if is_break(c) {
            breaks = true;
            space_break |= after_space;
            (after_space, after_break) = (false, true);
        } else {
            (after_space, after_break) = (false, false);
        }
        after_blank = is_blank(c);
    }
    let is_edge = |c: char| c == ' ' || is_break(c);
    let loose = text.starts_with(is_edge) || text.ends_with(is_edge);
    let bad = space_break || special;
    Analysis {
        multiline: breaks,
        plain: !(loose || break_space || bad || breaks || indicators),
        single: !(break_space || bad),
        block: !(text.ends_with(' ') || bad || text.is_empty()),
    }
}

pub(super) fn is_break(c: char) -> bool {
    matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t') || is_break(c) || c == '\0'
}

/// What may stand unescaped; of what lies beyond 16 bits nothing does.
pub(super) fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}')
        && c != '\u{feff}'
}

/// `190:20:30`, a number in YAML 1.1 that go-yaml does not read but other parsers do.
fn is_base_60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, part) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let is_digit = |byte: u8| byte.is_ascii_digit() || byte == b'_';
    let mut groups = whole.split(':');
    let first = groups.next().unwrap_or_default();
    let mut count = 0;
    let are_sixties = groups.all(|group| {
        count += 1;
        match group.as_bytes() {
            [one] => one.is_ascii_digit(),
            [ten, one] => (b'0'..=b'5').contains(ten) && one.is_ascii_digit(),
            _ => false,
        }
    });
    first.starts_with(|c: char| c.is_ascii_digit())
        && first.bytes().all(is_digit)
        && are_sixties
        && count > 0
        && part.bytes().all(is_digit)
}

/// A number as Go's `%g` writes it.
pub(super) fn float_text(number: f64) -> String {
    // Where the shortest form goes over to an exponent.
    const EXPONENT_MAX: i32 = 6;
    let shown = format!("{number:e}");
    let Some((mantissa, exponent)) = shown.split_once('e') else { return shown };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if !(-4..EXPONENT_MAX).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.abs());
    }
    format!("{number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_quoted_where_they_would_be_read_as_something_else() {
        for (text, expected) in [
            ("nginx", Style::Plain),
            ("a b", Style::Plain),
            ("a:b", Style::Plain),
            ("a: b", Style::Single),
            ("a #b", Style::Single),
            ("a#b", Style::Plain),
            ("-a", Style::Plain),
            ("- a", Style::Single),
            ("*", Style::Single),
            ("", Style::Double),
            ("yes", Style::Double),
            ("1", Style::Double),
            ("2026-01-01T00:00:00Z", Style::Double),
            ("10:20", Style::Double),
            ("10:70", Style::Plain),
            (" a", Style::Single),
            ("a\tb", Style::Double),
            ("a\nb", Style::Literal),
            ("a\nb ", Style::Double),
            ("a \nb", Style::Double),
            ("\u{1f600}", Style::Double),
            ("größe", Style::Plain),
        ] {
            assert_eq!(style(text, false), expected, "{text:?}");
        }
        assert_eq!(style("a\nb", true), Style::Double);
    }

    #[test]
    fn numbers_are_written_as_go_does() {
        for (number, text) in [
            (1.5, "1.5"),
            (0.0001, "0.0001"),
            (0.000_01, "1e-05"),
            (1e20, "1e+20"),
            (123_456.5, "123456.5"),
            (1_234_567.5, "1.2345675e+06"),
            (-2.5, "-2.5"),
        ] {
            assert_eq!(float_text(number), text);
        }
    }
}
