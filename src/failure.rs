use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use crate::response::fail_code;

type Source = Box<dyn Error + Send + Sync>;

/// Why the app's own code did not handle an event. [`Failure::new`] sends its text to the vendor;
/// `"text".into()`, like every conversion, sends "internal error".
///
/// An error that `?` converts stays with the app: [`GroupFullHandler::on_failed`](crate::GroupFullHandler::on_failed)
/// gets it as [`source`](Self::source).
///
/// `Display` shows what is sent, and with `{:#}` the source behind it.
///
/// ```
/// use im_group_full::Failure;
///
/// fn store() -> Result<(), Failure> {
///     Err(std::io::Error::other("password=hunter2 was refused"))?;
///     Ok(())
/// }
///
/// let failure = store().unwrap_err();
/// assert_eq!(failure.to_string(), "internal error");
/// assert_eq!(format!("{failure:#}"), "internal error: password=hunter2 was refused");
/// ```
#[derive(Debug)]
pub struct Failure {
    code: i32,
    pub(crate) info: Cow<'static, str>,
    source: Option<Source>,
}

impl Failure {
    /// Makes a failure with code 1 from the text that is sent as `ErrorInfo`.
    pub fn new(info: impl Into<Cow<'static, str>>) -> Self {
        Self { code: fail_code(0), info: info.into(), source: None }
    }

    /// Sets `ErrorCode` (default 1). 0 becomes 1, because 0 means success.
    pub fn with_code(self, code: i32) -> Self {
        Self { code: fail_code(code), ..self }
    }

    /// Keeps an error for the app's own log; it is never sent.
    pub fn with_source(self, source: impl Into<Source>) -> Self {
        Self { source: Some(source.into()), ..self }
    }

    /// Returns what is sent as `ErrorCode`; never 0.
    pub fn code(&self) -> i32 {
        self.code
    }

    /// Returns what is sent as `ErrorInfo`.
    pub fn info(&self) -> &str {
        &self.info
    }

    /// Returns the error behind it, which is not sent.
    pub fn source(&self) -> Option<&(dyn Error + Send + Sync + 'static)> {
        self.source.as_deref()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.info)?;
        match &self.source {
            Some(source) if f.alternate() => write!(f, ": {source:#}"),
            _ => Ok(()),
        }
    }
}

/// For `?` on any error, and on `&str` and `String`: sends "internal error" and keeps the error as the source.
///
/// To send your own code and text, convert the error yourself:
/// `.map_err(|error| Failure::new("try again").with_code(2).with_source(error))?`. `Failure` is not an
/// `Error` itself, or this conversion could not exist.
impl<E: Into<Source>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new("internal error").with_source(error)
    }
}
