//! The name of a manager that does not give one.

/// How long the name of a manager may be.
pub const NAME_SIZE_BYTES_MAX: usize = 128;

/// The manager of a request: the option `fieldManager`, or else what stands before the first slash
/// of the user agent, without what cannot be printed and not longer than a name may be.
pub fn manager_name(field_manager: &str, user_agent: &str) -> String {
    if !field_manager.is_empty() {
        return field_manager.to_owned();
    }
    let mut name = String::new();
    let product = user_agent.split('/').next().unwrap_or_default();
    for c in product.chars().filter(|c| is_printable(*c)) {
        if name.len() + c.len_utf8() > NAME_SIZE_BYTES_MAX {
            break;
        }
        name.push(c);
    }
    name
}

fn is_printable(c: char) -> bool {
    let invisible = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..='\u{fffb}');
    c == ' ' || !(c.is_control() || c.is_whitespace() || invisible)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_option_comes_before_the_user_agent() {
        assert_eq!(manager_name("me", "kubectl/v1.36 (linux)"), "me");
        assert_eq!(manager_name("", "kubectl/v1.36 (linux)"), "kubectl");
        assert_eq!(manager_name("", "Mozilla 5\t\u{7f}x"), "Mozilla 5x");
        assert_eq!(manager_name("", ""), "");
        assert_eq!(manager_name("", &"é".repeat(100)).len(), NAME_SIZE_BYTES_MAX);
    }
}
