//! Which hosts belong to which Microsoft cloud, and which links may be followed with a bearer token.

use url::Url;

/// A Microsoft cloud. Tokens and registrations of one cloud are worth nothing in another.
/// Source: <https://learn.microsoft.com/en-us/entra/identity-platform/authentication-national-cloud>
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cloud {
    /// Worldwide, and US government GCC.
    Global,
    /// US government L4 (GCC High).
    UsGovernment,
    /// US government L5 (DoD).
    UsDefense,
    /// China, run by 21Vianet.
    China,
}

/// Why a name is not a cloud.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cloud must be one of global, us-government, us-defense, china; not {0:?}")]
pub struct UnknownCloud(String);

impl std::str::FromStr for Cloud {
    type Err = UnknownCloud;
    fn from_str(name: &str) -> Result<Self, UnknownCloud> {
        match name {
            "global" => Ok(Self::Global),
            "us-government" => Ok(Self::UsGovernment),
            "us-defense" => Ok(Self::UsDefense),
            "china" => Ok(Self::China),
            other => Err(UnknownCloud(other.to_owned())),
        }
    }
}

impl Cloud {
    /// The cloud's login and Graph origins, as texts.
    /// Source: <https://learn.microsoft.com/en-us/graph/deployments>
    #[must_use]
    pub fn origins(self) -> (&'static str, &'static str) {
        match self {
            Self::Global => ("https://login.microsoftonline.com", "https://graph.microsoft.com"),
            Self::UsGovernment => ("https://login.microsoftonline.us", "https://graph.microsoft.us"),
            Self::UsDefense => ("https://login.microsoftonline.us", "https://dod-graph.microsoft.us"),
            Self::China => ("https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn"),
        }
    }
}

/// Where Entra and Graph are: those of a cloud, or of a stand-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    /// Origin of Entra's authorize and token endpoints.
    pub login: Url,
    /// Origin of Microsoft Graph.
    pub graph: Url,
}

/// A link from an answer leads somewhere that a bearer token must not go.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the link leads to {found}, not to Graph's users at {expected}")]
pub struct ForeignLink {
    found: String,
    expected: String,
}

impl Endpoints {
    /// Lets a `nextLink` or `deltaLink` pass only to Graph's own origin and the users collection. These links come from a server's
    /// answer and are followed with a bearer token, so anything else would hand the token to whoever wrote the link.
    ///
    /// # Errors
    /// [`ForeignLink`] names where the link leads (without its query, which can hold secrets).
    pub fn admit(&self, link: &str) -> Result<Url, ForeignLink> {
        let foreign =
            |found: &str| ForeignLink { found: found.chars().take(200).collect(), expected: self.graph.origin().ascii_serialization() };
        let url = Url::parse(link).map_err(|_| foreign("no URL"))?;
        let is_graph = url.origin() == self.graph.origin();
        let is_bare = url.username().is_empty() && url.password().is_none();
        let is_users = url.path() == "/v1.0/users" || url.path().starts_with("/v1.0/users/");
        match is_graph && is_bare && is_users {
            true => Ok(url),
            false => Err(foreign(&format!("{}{}", url.origin().ascii_serialization(), url.path()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn global() -> Endpoints {
        let (login, graph) = Cloud::Global.origins();
        Endpoints { login: login.parse().unwrap(), graph: graph.parse().unwrap() }
    }

    #[test]
    fn graphs_own_links_pass() {
        for link in [
            "https://graph.microsoft.com/v1.0/users/delta?$skiptoken=abc",
            "https://graph.microsoft.com/v1.0/users/microsoft.graph.delta()?$deltatoken=x",
            "https://graph.microsoft.com:443/v1.0/users?$top=999",
        ] {
            assert!(global().admit(link).is_ok(), "{link}");
        }
    }

    #[test]
    fn every_other_link_is_refused() {
        for link in [
            "https://graph.microsoft.com.evil.example/v1.0/users/delta",
            "https://evil.example/v1.0/users/delta",
            "http://graph.microsoft.com/v1.0/users/delta",
            "https://graph.microsoft.com:8443/v1.0/users/delta",
            "https://someone@graph.microsoft.com/v1.0/users/delta",
            "https://graph.microsoft.us/v1.0/users/delta",
            "https://graph.microsoft.com/v1.0/users/../me/messages",
            "https://graph.microsoft.com/beta/users/delta",
            "//graph.microsoft.com/v1.0/users/delta",
            "file:///v1.0/users/delta",
            "",
        ] {
            assert!(global().admit(link).is_err(), "{link}");
        }
    }

    #[test]
    fn an_unknown_cloud_is_named_with_the_known_ones() {
        let refused = "germany".parse::<Cloud>().expect_err("closed in 2021");
        assert_eq!(refused.to_string(), "cloud must be one of global, us-government, us-defense, china; not \"germany\"");
    }
}
