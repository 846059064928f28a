use super::*;

/// For `a.example` and `b.example`, from 2026-11-26T11:20:49Z, for 90 days.
const LEAF: &str = "\
-----BEGIN CERTIFICATE-----
MIIBPTCB8KADAgECAhRNRq+gC7rjVWmVrXBcHMBx8+dYATAFBgMrZXAwDTELMAkG
A1UEAwwCY2EwHhcNMjYxMTI2MTEyMDQ5WhcNMjcwMjI0MTEyMDQ5WjAMMQowCAYD
VQQDDAFsMCowBQYDK2VwAyEA1rgwjxV7GLfToUhkJMPNSKaDmHcaOO6HZwRs03fF
PMmjYzBhMB8GA1UdEQQYMBaCCWEuZXhhbXBsZYIJYi5leGFtcGxlMB0GA1UdDgQW
BBTQxltvjJnn44RTrSlWfPql+qDVLTAfBgNVHSMEGDAWgBQEuebpuUD9MTX560eP
A1EsP43zGDAFBgMrZXADQQBxTLJONY0oGn3NCcAXut9SMC42fdAGHjC5bheTPRFc
mAlAtqtBcfhwMghZwArpB0ax4s5jbLcgCwKLFFA6jOsE
-----END CERTIFICATE-----
";

/// Who vouches for it.
const CA: &str = "\
-----BEGIN CERTIFICATE-----
MIIBLjCB4aADAgECAhQoIB4l2IVFApk/do1ZSSlirZv4lDAFBgMrZXAwDTELMAkG
A1UEAwwCY2EwHhcNMjYxMTI2MTEyMDQ5WhcNMzYxMTIzMTEyMDQ5WjANMQswCQYD
VQQDDAJjYTAqMAUGAytlcAMhAGvG84Qhzs5iI0akxa74QxN1EsUal4ncLnRlXctw
b4Jao1MwUTAdBgNVHQ4EFgQUBLnm6blA/TE1+etHjwNRLD+N8xgwHwYDVR0jBBgw
FoAUBLnm6blA/TE1+etHjwNRLD+N8xgwDwYDVR0TAQH/BAUwAwEB/zAFBgMrZXAD
QQB7lFagc9sUO9/XBt4JycC6hcNV9ybUqn1qDGGdQ+NpT5/j92V5aKtwII+R6vkP
7+edxU6zvF3e+zuAD93fnI0D
-----END CERTIFICATE-----
";

const FROM_MS: i64 = 1_795_692_049_000;
const DAY_MS: i64 = 86_400_000;

fn at(ms: i64) -> UtcTime {
    UtcTime::from_unix_ms(ms).unwrap()
}

fn read(parts: &[&str]) -> Result<Chain, String> {
    Chain::read(parts.concat().as_bytes()).map_err(|e| e.to_string())
}

#[test]
fn a_certificate_holds_from_its_first_second_to_its_last() {
    let chain = read(&[LEAF, CA]).unwrap();
    let days = |ms, min| chain.days_left(at(ms), min).map_err(|e| e.to_string());
    assert_eq!(days(FROM_MS, 90), Ok(90));
    assert_eq!(days(FROM_MS + 1_000, 89), Ok(89));
    assert!(days(FROM_MS + 1_000, 90).unwrap_err().contains("long enough"));
    assert!(days(FROM_MS - 1_000, 1).unwrap_err().contains("not valid yet"));
    assert_eq!(days(FROM_MS + 90 * DAY_MS - 1_000, 0), Ok(0));
    assert!(days(FROM_MS + 90 * DAY_MS, 0).unwrap_err().contains("expired"));
}

#[test]
fn a_chain_goes_from_the_site_to_those_that_vouch_for_it() {
    // In order; whether a lone one will do is another question.
    assert!(read(&[LEAF]).is_ok());
    assert!(read(&["A comment.\n", LEAF, CA]).is_ok());
    assert!(read(&[LEAF, LEAF]).unwrap_err().contains("not in order"));
    assert!(read(&[CA, LEAF]).unwrap_err().contains("not in order"));
}

#[test]
fn what_is_no_certificate_is_not_read_as_one() {
    let cut = &LEAF[..200];
    let spoilt = LEAF.replace("MIIBP", "MIIBQ");
    for bad in ["", "A comment.\n", cut, &spoilt, &LEAF.replace("CERTIFICATE", "X")] {
        assert!(read(&[bad]).unwrap_err().contains("cannot be read"), "{bad}");
        assert!(read(&[LEAF, CA, bad]).is_err() || !bad.contains("BEGIN CERT"), "{bad}");
    }
}

#[test]
fn one_for_other_names_or_that_vouches_for_itself_does_not_follow() {
    let (leaf, ca) = (read(&[LEAF, CA]).unwrap(), read(&[CA]).unwrap());
    let named = |names: &[&str], own: &str| Chain {
        names: names.iter().map(|&n| n.to_owned()).collect(),
        ..read(&[own]).unwrap()
    };
    assert_eq!(leaf.names.len(), 2);
    assert!(leaf.follows(&ca).is_ok(), "a real one after a makeshift");
    assert!(ca.follows(&leaf).is_err());
    assert!(named(&["a", "c"], LEAF).follows(&named(&["a", "b"], LEAF)).is_ok());
    assert!(named(&["c"], LEAF).follows(&named(&["a", "b"], LEAF)).is_err());
    assert!(named(&["a"], CA).follows(&named(&["a"], LEAF)).is_err());
    assert!(named(&["a"], CA).follows(&named(&["a"], CA)).is_ok());
}

#[test]
fn a_lone_one_does_not_follow_a_chain_whose_visitors_needed_what_was_in_it() {
    let between = |chain: &Chain| Certificate { issuer: b"a root".to_vec(), ..chain.others[0].clone() };
    let old = read(&[LEAF, CA]).unwrap();
    let with_intermediate = Chain { others: vec![between(&old)], ..read(&[LEAF, CA]).unwrap() };
    let lone = read(&[LEAF]).unwrap();
    assert!(lone.follows(&with_intermediate).unwrap_err().to_string().contains("comes without"));
    assert!(old.follows(&with_intermediate).is_ok());
    // A root is what visitors have themselves.
    assert!(lone.follows(&old).is_ok());
    assert!(lone.follows(&lone).is_ok());
}
