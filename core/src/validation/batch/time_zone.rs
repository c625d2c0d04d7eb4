//! The names of time zones. A zone's rules are not needed to judge an object, its name is.

/// Names of the IANA time zone database, 2024 on, sorted by bytes.
static ZONES: std::sync::LazyLock<Vec<&str>> =
    std::sync::LazyLock::new(|| include_str!("zones.txt").lines().collect());

/// Whether a name is that of a zone; case counts.
pub fn is_known(name: &str) -> bool {
    // Upstream's library knows this name as the machine's own zone.
    name == "Local" || ZONES.binary_search(&name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert!(ZONES.is_sorted());
        for name in ["UTC", "Etc/UTC", "Europe/Berlin", "America/Argentina/Ushuaia"] {
            assert!(is_known(name), "{name}");
        }
        for name in ["", "utc", "Etc/UTCx", "../UTC", "Europe"] {
            assert!(!is_known(name), "{name}");
        }
    }
}
