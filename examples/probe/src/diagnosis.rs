//! Why a genuine callback was not answered `OK`, in one sentence.

use example_support::vendor::Outcome;
use im_group_full::SdkAppId;

/// What to look at when the first callback, a genuine one, was refused.
pub(crate) fn of(outcome: &Outcome, sdk_app_id: SdkAppId, has_token: bool) -> String {
    let Outcome { got, error_info, .. } = outcome;
    // Our own servers say it in these words, others perhaps in theirs.
    let says = |word: &str| error_info.to_ascii_lowercase().contains(&word.to_ascii_lowercase());
    let status = got.get(..3).and_then(|status| status.parse::<u16>().ok());
    match status {
        Some(404) => "nothing is mounted at this path: look at the path of the URL".to_owned(),
        Some(405) => "this path does not take POST: look at the path of the URL, and at the route's method".to_owned(),
        Some(300..=399) => "the server redirects, which the vendor does not follow: give the final URL".to_owned(),
        Some(401 | 403) if says("SdkAppid") => {
            format!("the server is not for the SDKAppID {sdk_app_id}: give its own with --sdk-app-id")
        }
        Some(401 | 403) if says("stale") => {
            "the server's clock and this one differ by more than it tolerates: set them right (NTP)".to_owned()
        }
        Some(401 | 403) if !has_token => {
            "the server wants a signature: give its token by IM_CALLBACK_TOKEN or --token-file".to_owned()
        }
        Some(401 | 403) if says("signature") => {
            "the server has another token: look at IM_CALLBACK_TOKEN and --token-file, here and there".to_owned()
        }
        Some(401 | 403) => {
            "the server refuses the SDKAppID, the token or the clock, or something in front of it does".to_owned()
        }
        Some(200) if got.starts_with("200 FAIL") => "the callback arrived, and the app's own code failed".to_owned(),
        Some(200) => "something answers 200, but not with the JSON that the vendor reads".to_owned(),
        Some(500..) => "the server, or a proxy in front of it, failed: look at its log".to_owned(),
        Some(_) => "the server takes a callback as the vendor sends it for a malformed one".to_owned(),
        None => "the server did not answer".to_owned(),
    }
}
