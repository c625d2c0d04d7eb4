//! [`InitialMember`]: one `name=URL` of the list that a new cluster starts from.

use super::url::{Url, UrlError};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A member and one of its peer URLs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InitialMember {
    pub name: String,
    pub peer_url: Url,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InitialMemberError {
    #[error("{text:?} must be name=peer-URL")]
    Form { text: String },
    #[error(transparent)]
    Url(#[from] UrlError),
}

/// Members with all their URLs, in order of first mention.
pub fn by_name(members: &[InitialMember]) -> Vec<(String, Vec<Url>)> {
    let mut grouped: Vec<(String, Vec<Url>)> = Vec::new();
    for member in members {
        match grouped.iter_mut().find(|(name, _)| *name == member.name) {
            Some((_, urls)) => urls.push(member.peer_url.clone()),
            None => grouped.push((member.name.clone(), vec![member.peer_url.clone()])),
        }
    }
    grouped
}

impl FromStr for InitialMember {
    type Err = InitialMemberError;

    fn from_str(text: &str) -> Result<Self, InitialMemberError> {
        let form = || InitialMemberError::Form { text: text.to_owned() };
        let (name, url) = text.split_once('=').ok_or_else(form)?;
        if name.trim().is_empty() {
            return Err(form());
        }
        Ok(Self { name: name.trim().to_owned(), peer_url: url.trim().parse()? })
    }
}

impl fmt::Display for InitialMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.peer_url)
    }
}

impl TryFrom<String> for InitialMember {
    type Error = InitialMemberError;

    fn try_from(text: String) -> Result<Self, InitialMemberError> {
        text.parse()
    }
}

impl From<InitialMember> for String {
    fn from(member: InitialMember) -> String {
        member.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_urls_of_a_name() {
        let members: Vec<InitialMember> = ["a=http://h:1", "b=http://h:2", "a=http://h:3"]
            .map(|text| text.parse().expect(text))
            .into();
        let grouped = by_name(&members);
        assert_eq!(grouped.len(), 2);
        assert_eq!(grouped[0].0, "a");
        assert_eq!(grouped[0].1.len(), 2);
        assert!("http://h:1".parse::<InitialMember>().is_err());
        assert!("=http://h:1".parse::<InitialMember>().is_err());
    }
}
