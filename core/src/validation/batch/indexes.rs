//! Lists of indexes as Jobs write them: `1,3-5,7`.

/// Counts the indexes of a list, which must rise and stay below the number of completions.
pub fn count(text: &str, completions: i64) -> Result<i64, String> {
    if text.is_empty() {
        return Ok(0);
    }
    let (mut total, mut previous) = (0, None);
    for part in text.split(',') {
        let (first, last) = interval(part, completions)?;
        if let Some(previous) = previous.filter(|previous| *previous >= first) {
            return Err(out_of_order(previous, first));
        }
        total += last - first + 1;
        previous = Some(last);
    }
    Ok(total)
}

fn out_of_order(previous: i64, current: i64) -> String {
    format!("non-increasing order, previous: {previous}, current: {current}")
}

fn interval(text: &str, completions: i64) -> Result<(i64, i64), String> {
    let mut limits = text.split('-');
    let (first, last) = (limits.next().unwrap_or_default(), limits.next());
    if limits.next().is_some() {
        return Err(format!(
            "the fragment {text:?} violates the requirement that an index interval can have at \
             most two parts separated by '-'"
        ));
    }
    let number = |text: &str| {
        let number: i64 = text
            .parse()
            .map_err(|_| format!("cannot convert string to integer for index: {text:?}"))?;
        if number >= completions { Err(format!("too large index: {text:?}")) } else { Ok(number) }
    };
    let first = number(first)?;
    let Some(last) = last else { return Ok((first, first)) };
    let last = number(last)?;
    if first >= last { Err(out_of_order(first, last)) } else { Ok((first, last)) }
}

/// The first index that both lists have. Parts that cannot be read are passed over.
pub fn overlap(completed: &str, failed: &str, completions: i64) -> Option<i64> {
    if completed.is_empty() || failed.is_empty() {
        return None;
    }
    let read = |text: &str| -> Vec<(i64, i64)> {
        text.split(',').filter_map(|part| interval(part, completions).ok()).collect()
    };
    let (completed, failed) = (read(completed), read(failed));
    let (mut left, mut right) = (0, 0);
    while let (Some(one), Some(other)) = (completed.get(left), failed.get(right)) {
        if one.0 <= other.1 && other.0 <= one.1 {
            return Some(one.0.max(other.0));
        }
        if one.0 <= other.0 { left += 1 } else { right += 1 }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_rise_and_stay_in_range() {
        assert_eq!(count("", 5), Ok(0));
        assert_eq!(count("0,2-4", 5), Ok(4));
        for (text, message) in [
            ("2,1", "non-increasing order, previous: 2, current: 1"),
            ("3-3", "non-increasing order, previous: 3, current: 3"),
            ("5", "too large index: \"5\""),
            ("a", "cannot convert string to integer for index: \"a\""),
        ] {
            assert_eq!(count(text, 5), Err(message.to_owned()), "{text}");
        }
        assert!(count("1-2-3", 5).is_err());
    }

    #[test]
    fn overlaps() {
        assert_eq!(overlap("0-2,5", "3-4", 9), None);
        assert_eq!(overlap("0-2,5", "3-7", 9), Some(5));
        assert_eq!(overlap("", "1", 9), None);
        assert_eq!(overlap("x,1", "1", 9), Some(1));
    }
}
