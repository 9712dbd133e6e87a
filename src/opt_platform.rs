use std::fmt;

/// The kind of client whose action caused a callback (`OptPlatform`).
///
/// Information only: the vendor adds values and spells some in two ways.
///
/// ```
/// use im_group_full::OptPlatform;
///
/// assert_eq!(OptPlatform::from("IOS"), OptPlatform::Ios);
/// assert_eq!(OptPlatform::from("HarmonyOS"), OptPlatform::Other("HarmonyOS"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OptPlatform<'a> {
    /// `RESTAPI`: the app's own backend.
    RestApi,
    /// `Web`.
    Web,
    /// `Android`.
    Android,
    /// `iOS`, also written `IOS`.
    Ios,
    /// `Windows`.
    Windows,
    /// `Mac`.
    Mac,
    /// `macOS`.
    MacOs,
    /// `iPad`, also written `IPad`.
    IPad,
    /// `Linux`.
    Linux,
    /// `Unknown`: the vendor does not know either.
    Unknown,
    /// Anything else, as it was sent.
    Other(&'a str),
}

impl<'a> OptPlatform<'a> {
    /// Returns the vendor's spelling.
    pub const fn as_str(self) -> &'a str {
        match self {
            Self::RestApi => "RESTAPI",
            Self::Web => "Web",
            Self::Android => "Android",
            Self::Ios => "iOS",
            Self::Windows => "Windows",
            Self::Mac => "Mac",
            Self::MacOs => "macOS",
            Self::IPad => "iPad",
            Self::Linux => "Linux",
            Self::Unknown => "Unknown",
            Self::Other(text) => text,
        }
    }
}

impl<'a> From<&'a str> for OptPlatform<'a> {
    fn from(text: &'a str) -> Self {
        match text {
            "RESTAPI" => Self::RestApi,
            "Web" => Self::Web,
            "Android" => Self::Android,
            "iOS" | "IOS" => Self::Ios,
            "Windows" => Self::Windows,
            "Mac" => Self::Mac,
            "macOS" => Self::MacOs,
            "iPad" | "IPad" => Self::IPad,
            "Linux" => Self::Linux,
            "Unknown" => Self::Unknown,
            other => Self::Other(other),
        }
    }
}

/// Writes the vendor's spelling.
impl fmt::Display for OptPlatform<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
