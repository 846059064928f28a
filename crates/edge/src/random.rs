//! Randomness from the kernel.

/// `N` random bytes. The kernel's generator not answering is not a state to go on from.
pub fn bytes<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut out = [0; N];
    getrandom::fill(&mut out).map_err(|e| std::io::Error::other(e.to_string()))?;
    Ok(out)
}

/// Sixteen random hexadecimal characters, for the opaque part of an identifier.
pub fn opaque() -> std::io::Result<String> {
    bytes::<8>().map(contract::ids::opaque)
}
