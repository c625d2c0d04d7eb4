//! [`TokenFile`]: users by static tokens from a file.
//!
//! Tokens are kept and looked up by their digest, so that how long a lookup takes says nothing
//! about a token.

use crate::kube::user::User;
use aws_lc_rs::digest::{SHA256, digest};
use std::collections::HashMap;

/// Why a file of tokens cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFileError {
    #[error("line {line}: a token, a user and a uid are needed")]
    Columns { line: usize },
    #[error("line {line}: a quote is not closed")]
    Quote { line: usize },
    #[error("line {line}: the user is empty")]
    User { line: usize },
}

pub struct TokenFile {
    users: HashMap<[u8; 32], User>,
}

impl TokenFile {
    /// Reads lines of `token,user,uid` and, optionally, groups in quotes.
    pub fn parse(text: &str) -> Result<Self, TokenFileError> {
        let mut users = HashMap::new();
        for (line, text) in (1..).zip(text.lines()) {
            if text.trim().is_empty() {
                continue;
            }
            let columns = columns(text).ok_or(TokenFileError::Quote { line })?;
            let [token, name, uid, rest @ ..] = columns.as_slice() else {
                return Err(TokenFileError::Columns { line });
            };
            if name.is_empty() {
                return Err(TokenFileError::User { line });
            }
            // An empty token would let everybody in.
            if token.is_empty() {
                continue;
            }
            let groups = rest.first().filter(|groups| !groups.is_empty());
            let groups = groups.map(|groups| groups.split(',').map(|one| one.trim().to_owned()));
            let user = User {
                name: name.clone(),
                uid: uid.clone(),
                groups: groups.map(Iterator::collect).unwrap_or_default(),
                ..User::default()
            };
            users.insert(key(token), user);
        }
        Ok(Self { users })
    }

    pub fn find(&self, token: &str) -> Option<User> {
        self.users.get(&key(token)).cloned()
    }
}

fn key(token: &str) -> [u8; 32] {
    let digest = digest(&SHA256, token.as_bytes());
    digest.as_ref().try_into().expect("a SHA-256 digest has 32 bytes")
}

/// One line of comma-separated values; `None` if a quote is not closed.
fn columns(line: &str) -> Option<Vec<String>> {
    let (mut columns, mut rest) = (Vec::new(), line);
    loop {
        rest = rest.trim_start();
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut column = String::new();
            let mut tail = quoted;
            loop {
                let (part, after) = tail.split_once('"')?;
                column.push_str(part);
                match after.strip_prefix('"') {
                    Some(after) => {
                        column.push('"');
                        tail = after;
                    }
                    None => {
                        tail = after;
                        break;
                    }
                }
            }
            columns.push(column);
            match tail.split_once(',') {
                Some((_, after)) => rest = after,
                None => return Some(columns),
            }
            continue;
        }
        match rest.split_once(',') {
            Some((column, after)) => {
                columns.push(column.trim().to_owned());
                rest = after;
            }
            None => {
                columns.push(rest.trim().to_owned());
                return Some(columns);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_name_users_with_groups() {
        let text = "t1,ann,1,\"a,b\"\n\nt2, bob ,2\n,eve,3\n";
        let file = TokenFile::parse(text).expect("valid");
        let ann = file.find("t1").expect("known");
        assert_eq!((ann.name.as_str(), ann.uid.as_str()), ("ann", "1"));
        assert_eq!(ann.groups, ["a", "b"]);
        assert_eq!(file.find("t2").expect("known").name, "bob");
        assert_eq!(file.find("t"), None);
        assert_eq!(file.find(""), None);
    }

    #[test]
    fn broken_lines_are_told() {
        let wrong = |text| TokenFile::parse(text).err();
        assert_eq!(wrong("a,b"), Some(TokenFileError::Columns { line: 1 }));
        assert_eq!(wrong("\na,,c"), Some(TokenFileError::User { line: 2 }));
        assert_eq!(wrong("a,b,c,\"d"), Some(TokenFileError::Quote { line: 1 }));
    }
}
