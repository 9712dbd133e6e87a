/// A script of events, one per byte; it ends, or repeats forever.
pub struct Script<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
    pub again: bool,
}

impl Script<'_> {
    pub fn byte(&mut self) -> u8 {
        if self.again && !self.bytes.is_empty() {
            self.at %= self.bytes.len();
        }
        let byte = self.bytes.get(self.at).copied().unwrap_or(0);
        self.at += 1;
        byte
    }
}
