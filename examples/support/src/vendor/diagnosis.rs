use super::Outcome;

/// Keeps each diagnosis beside its sentence, and a list of them all.
macro_rules! diagnoses {
    ($($name:ident: $sentence:literal,)+) => {
        /// Why a genuine callback was not answered `OK`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Diagnosis {
            $($name,)+
        }

        impl Diagnosis {
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Returns the sentence that the probe prints, without a full stop.
            pub fn sentence(self) -> &'static str {
                match self {
                    $(Self::$name => $sentence,)+
                }
            }
        }
    };
}

diagnoses! {
    NoAnswerInTime: "no answer within 2 s, the vendor's limit: the app's code, or a proxy in front of it, is too slow",
    Closed: "no answer: the connection was closed, as it is when the app's code panics; look at the server's log",
    NotHttp: "no answer: it is not HTTP; if the server speaks TLS, write https://",
    Redirected: "the server redirects, which the vendor does not follow: give the final URL",
    NotFound: "nothing is mounted at this path: check the path of the URL",
    MethodChanged: "something between the probe and the server changes the method: the POST did not arrive as one",
    MethodRefused: "this path does not take POST, or something between the probe and the server turns it into GET: \
        check the path of the URL, the route's method and redirects behind a proxy",
    OtherApp: "the server is not for this SDKAppID: give the server's with --sdk-app-id",
    Stale: "the server's clock and this one differ by more than the server tolerates: synchronise both (NTP)",
    NoToken: "the server expects a signature: give its token in IM_CALLBACK_TOKEN or with --token-file",
    SignatureDropped: "something between the probe and the server changes the query: Sign or RequestTime is dropped or \
        renamed",
    OtherToken: "the server has another token, or something between the probe and the server changes Sign or \
        RequestTime: compare IM_CALLBACK_TOKEN and --token-file, on both sides",
    Forbidden: "the server, or something in front of it, refuses the request: check the token, the SDKAppID, the clock \
        and the firewall",
    QueryDropped: "something between the probe and the server changes the query: all or part of it is dropped, renamed \
        or encoded; the server's answer is the same for all three",
    QueryDoubled: "something between the probe and the server changes the query: parameters arrive twice; or the URL \
        itself holds one of the vendor's",
    QueryEncoded: "something between the probe and the server changes the query: a value is altered, or & is encoded",
    BodyDropped: "something between the probe and the app's code takes the body: it arrives empty",
    BodyCut: "something between the probe and the server breaks the body off",
    BodyChanged: "something between the probe and the server changes the body: it is encoded, cut or rewritten",
    Malformed: "the server, or something in front of it, takes a genuine callback for a malformed one",
    Failed: "the server, or a proxy in front of it, failed or got no answer: look at their logs",
    AppFailed: "the callback arrived, and the app's own code failed",
    NotForTheVendor: "something answers 200, but not with the JSON that the vendor reads",
}

impl Diagnosis {
    /// Diagnoses the outcome of a genuine callback, which was signed if there was a token.
    pub fn of(outcome: &Outcome, has_token: bool) -> Self {
        let Outcome { got, error_info, .. } = outcome;
        // Words of this crate's answers; another server may happen to use the same ones.
        let says = |words: &str| error_info.to_ascii_lowercase().contains(words);
        let status = got.get(..3).and_then(|status| status.parse::<u16>().ok());
        match status {
            Some(300..=399) => Self::Redirected,
            Some(404) => Self::NotFound,
            Some(405) if says("method: expected post") => Self::MethodChanged,
            Some(405) => Self::MethodRefused,
            Some(401 | 403) if says("sdkappid") => Self::OtherApp,
            Some(401 | 403) if says("stale") => Self::Stale,
            Some(401 | 403) if says("signature") && !has_token => Self::NoToken,
            Some(401 | 403) if says("signature: missing") => Self::SignatureDropped,
            Some(401 | 403) if says("signature") => Self::OtherToken,
            Some(401 | 403) => Self::Forbidden,
            Some(400) if says("parameter `") && says("`: missing") => Self::QueryDropped,
            Some(400) if says("parameter `") && says("`: given twice") => Self::QueryDoubled,
            Some(400 | 415) if says("parameter `") => Self::QueryEncoded,
            Some(400) if says("the body is empty") => Self::BodyDropped,
            Some(400) if says("body: ended before it was complete") => Self::BodyCut,
            Some(400) if says("body: ") => Self::BodyChanged,
            Some(200) if got.starts_with("200 FAIL") => Self::AppFailed,
            Some(200) => Self::NotForTheVendor,
            Some(500..) => Self::Failed,
            Some(_) => Self::Malformed,
            None if got.starts_with("no answer within ") => Self::NoAnswerInTime,
            None if got.contains("it is not HTTP") => Self::NotHttp,
            None => Self::Closed,
        }
    }
}
