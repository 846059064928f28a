//! The token's rows, and who may mint.

use contract::ids::OrderId;
use contract::time::MonoNs;
use policy::token::{Mint, MintFault, Minting, Process, Token, TokenFault};
use policy::{Answer, Ask, BuiltIn, Decision, DecisionRecord, Engine, NotOpened, Presented, Reason, Request};

use super::given::{
    Counting, EXECUTOR, NOW, STEP, Written, allowed, answer, approved_step, catalogue, engine,
    engine_knowing, mint, recorded, rule, run, shown,
};

const MINUTE_NS: u64 = 60_000_000_000;

/// A mint, a token of two operations that lives for a minute, and the access that it is for.
struct Minted {
    mint: Mint,
    token: Token,
    request: Request,
    engine: Engine,
}

fn minted() -> Minted {
    let catalogue = catalogue();
    let (request, engine) = approved_step(&catalogue);
    let mut mint = mint();
    let proof = [allowed(&engine, &request)];
    let asked = Minting {
        asker: EXECUTOR,
        catalogue: &catalogue,
        run: &run(),
        step: 0,
        allowed: &proof,
        bearer: STEP,
        operations: 2,
        life_ns: MINUTE_NS,
        now: NOW,
    };
    let token = mint.mint(&asked).unwrap();
    Minted { mint, token, request, engine }
}

fn decide(
    engine: &Engine,
    request: &Request,
    now: MonoNs,
    token: Presented<'_>,
    extension: &mut Counting,
) -> DecisionRecord {
    recorded(engine.decide(Ask { request, now, token: Some(token), extension: Some(extension) })).1
}

/// That the token does not count: the extension, which stands at the end of the whole evaluation, is asked and denies.
fn full_path(given: &mut Minted, now: MonoNs, bearer: Process, run: &OrderId, token: &Token) {
    let mut extension = Counting::saying(Ok(r#"{"deny":"asked"}"#));
    let left = given.mint.left(&given.token);
    let shown = Presented { mint: &mut given.mint, token, bearer, run };
    let record = decide(&given.engine, &given.request, now, shown, &mut extension);
    assert_eq!((record.answer, extension.asked), (Answer::Deny, 1), "{:?}", record.reasons);
    assert_eq!(given.mint.left(&given.token), left, "an operation was spent");
}

#[test]
fn case_07_a_valid_token_and_a_built_in_denies() {
    let mut given = minted();
    // The very file that the token is for is now Suture's own.
    let paths = policy::Role::ALL.map(|role| (super::given::path("/srv/app"), role)).to_vec();
    let protected =
        policy::Protected::new(paths, vec!["suture-executor.service".try_into().unwrap()]).unwrap();
    let policy = super::given::policy_of(&rule("all", "actors: [hub]", "allow", &[]));
    let digest = policy.digest();
    let strict = Engine::new(policy::InForce::of(policy, Some(digest), None).unwrap(), protected);
    let mut extension = Counting::saying(Ok(r#"{"allow":"fine"}"#));
    let order = run();
    let record =
        decide(&strict, &given.request, NOW, shown(&mut given.mint, &given.token, &order), &mut extension);
    assert_eq!(record.answer, Answer::Deny);
    assert_eq!(record.reasons, [Reason::BuiltIn(BuiltIn::Untouchable(policy::Role::Policy))]);
    assert_eq!((extension.asked, given.mint.left(&given.token)), (0, Some(2)));
}

#[test]
fn case_08_a_valid_token_skips_rules_and_extension() {
    let mut given = minted();
    // Neither this engine's rule nor the extension would allow it.
    let denying = engine_knowing(given.request.verb.as_str(), &rule("no", "actors: [hub]", "deny", &[]));
    assert_eq!(answer(&denying, &given.request).0, Answer::Deny);
    let mut extension = Counting::saying(Ok(r#"{"deny":"no"}"#));
    let order = run();
    let token = shown(&mut given.mint, &given.token, &order);
    let record = decide(&denying, &given.request, NOW, token, &mut extension);
    assert_eq!((record.answer, record.reasons), (Answer::Allow, vec![Reason::Token]));
    assert_eq!((extension.asked, given.mint.left(&given.token)), (0, Some(1)));
}

#[test]
fn case_09_an_expired_token() {
    let mut given = minted();
    let token = given.token.clone();
    full_path(&mut given, MonoNs(NOW.0 + 2 * MINUTE_NS), STEP, &run(), &token);
}

#[test]
fn case_21_the_budget_is_spent() {
    let mut given = minted();
    let mut extension = Counting::saying(Ok(r#"{"deny":"asked"}"#));
    let order = run();
    for left in [1, 0] {
        let token = shown(&mut given.mint, &given.token, &order);
        let record = decide(&given.engine, &given.request, NOW, token, &mut extension);
        assert_eq!((record.answer, given.mint.left(&given.token)), (Answer::Allow, Some(left)));
    }
    let token = given.token.clone();
    full_path(&mut given, NOW, STEP, &order, &token);
    let fault = given.mint.fault(&token, STEP, &order, &given.request, NOW);
    assert_eq!(fault, Some(TokenFault::Spent));
}

#[test]
fn case_22_the_instant_read_at_the_start_decides() {
    let mut given = minted();
    let (last, end) = (MonoNs(NOW.0 + MINUTE_NS - 1), MonoNs(NOW.0 + MINUTE_NS));
    let order = run();
    let token = shown(&mut given.mint, &given.token, &order);
    let ask = Ask { request: &given.request, now: last, token: Some(token), extension: None };
    let pending = given.engine.decide(ask);
    // It expires here, while its record is being written: the evaluation began in time, and nothing looks at a clock again.
    let (decision, record) = recorded(pending);
    assert_eq!((decision.answer(), record.reasons), (Answer::Allow, vec![Reason::Token]));
    let Decision::Allow(allowed) = decision else { panic!("it was not allowed") };
    assert_eq!(allowed.at(), last);
    let token = given.token.clone();
    full_path(&mut given, end, STEP, &order, &token);
}

#[test]
fn case_23_another_process_or_another_run() {
    let mut given = minted();
    let token = given.token.clone();
    full_path(&mut given, NOW, Process { pid: 3, ..STEP }, &run(), &token);
    full_path(&mut given, NOW, EXECUTOR, &run(), &token);
    full_path(&mut given, NOW, STEP, &"order-2".parse().unwrap(), &token);
    let mut other = given.request.clone();
    other.resource = policy::Resource::Path(super::given::path("/srv/app/other"));
    let fault = given.mint.fault(&token, STEP, &run(), &other, NOW);
    assert_eq!(fault, Some(TokenFault::OtherAccess));
}

#[test]
fn case_32_a_replayed_nonce_is_invalid_also_after_a_restart() {
    let mut given = minted();
    let (token, order) = (given.token.clone(), run());
    // Another start of the executor draws another key; it may even mint as many tokens again.
    let mut again = minted();
    again.mint = Mint::new([8; 32], EXECUTOR);
    full_path(&mut again, NOW, STEP, &order, &token);
    let catalogue = catalogue();
    let proof = [allowed(&given.engine, &given.request)];
    let (run, now) = (&order, NOW);
    let asked = Minting {
        asker: EXECUTOR,
        catalogue: &catalogue,
        run,
        step: 0,
        allowed: &proof,
        bearer: STEP,
        operations: 2,
        life_ns: MINUTE_NS,
        now,
    };
    let mut restarted = Mint::new([8; 32], EXECUTOR);
    let fresh = restarted.mint(&asked).unwrap();
    assert_eq!(fresh.secret_bytes()[..8], token.secret_bytes()[..8], "the same number");
    let fault = restarted.fault(&token, STEP, run, &given.request, NOW);
    assert_eq!(fault, Some(TokenFault::Forged));
    // Within one start a number is never given twice, and what has ended does not come back.
    let second = given.mint.mint(&asked).unwrap();
    assert_ne!(second.secret_bytes()[..8], token.secret_bytes()[..8]);
    given.mint.retire(run);
    assert_eq!(given.mint.fault(&token, STEP, run, &given.request, NOW), Some(TokenFault::Forged));
}

#[test]
fn case_33_another_process_has_the_dead_ones_pid() {
    let mut given = minted();
    let token = given.token.clone();
    for other in [Process { started_ticks: 21, ..STEP }, Process { pidfd_inode: 201, ..STEP }] {
        assert_eq!(other.pid, STEP.pid);
        full_path(&mut given, NOW, other, &run(), &token);
        let fault = given.mint.fault(&token, other, &run(), &given.request, NOW);
        assert_eq!(fault, Some(TokenFault::OtherProcess));
    }
}

#[test]
fn case_34_nobody_else_is_given_a_token_and_none_for_what_is_not_approved() {
    let catalogue = catalogue();
    let (request, engine) = approved_step(&catalogue);
    let mut mint = mint();
    let order = run();
    let minting = |asker, step, allowed| Minting {
        asker,
        catalogue: &catalogue,
        run: &order,
        step,
        allowed,
        bearer: STEP,
        operations: 1,
        life_ns: 1,
        now: NOW,
    };
    let proof = [allowed(&engine, &request)];
    assert_eq!(mint.mint(&minting(STEP, 0, &proof)).unwrap_err(), MintFault::NotTheExecutor);
    assert_eq!(mint.mint(&minting(EXECUTOR, 99, &proof)).unwrap_err(), MintFault::NoSuchStep);
    assert_eq!(mint.mint(&minting(EXECUTOR, 0, &[])).unwrap_err(), MintFault::Accesses);
    // A runbook that the approved catalogue does not hold, allowed by the policy all the same.
    let mut foreign = request.clone();
    foreign.runbook = "RB-NOBODY-001-approved".parse().unwrap();
    let unapproved = [allowed(&engine, &foreign)];
    assert_eq!(mint.mint(&minting(EXECUTOR, 0, &unapproved)).unwrap_err(), MintFault::NoSuchStep);
    let mixed = [allowed(&engine, &request), allowed(&engine, &foreign)];
    assert_eq!(mint.mint(&minting(EXECUTOR, 0, &mixed)).unwrap_err(), MintFault::Mixed);
    for (operations, life_ns) in [(0, 1), (1, 0), (1025, 1), (1, 16 * MINUTE_NS)] {
        let asked = Minting { operations, life_ns, ..minting(EXECUTOR, 0, &proof) };
        assert_eq!(mint.mint(&asked).unwrap_err(), MintFault::Bounds);
    }
    // No token lives on in another one.
    let token = mint.mint(&Minting { life_ns: MINUTE_NS, ..minting(EXECUTOR, 0, &proof) }).unwrap();
    let ask =
        Ask { request: &request, now: NOW, token: Some(shown(&mut mint, &token, &order)), extension: None };
    let Decision::Allow(by_token) = recorded(engine.decide(ask)).0 else { panic!("the token did not count") };
    assert_eq!(mint.mint(&minting(EXECUTOR, 0, &[by_token])).unwrap_err(), MintFault::FromAToken);
}

#[test]
fn case_35_a_review_spends_nothing() {
    let mut given = minted();
    let reviewing = engine(&[rule("look", "actors: [hub]", "require_review", &[])]);
    let order = run();
    // The token is for another path, so the rules are asked, and they want a person.
    let mut other = super::given::prune("/srv/app/other");
    other.runbook = given.request.runbook.clone();
    let mut extension = Counting::saying(Ok("\"pass\""));
    let token = shown(&mut given.mint, &given.token, &order);
    let record = decide(&reviewing, &other, NOW, token, &mut extension);
    assert_eq!((record.answer, given.mint.left(&given.token)), (Answer::Review, Some(2)));
    // Neither does an answer that nobody was given because its record could not be written.
    let token = shown(&mut given.mint, &given.token, &order);
    let ask = Ask { request: &given.request, now: NOW, token: Some(token), extension: None };
    let none = given.engine.decide(ask).open(|_| Err::<Written, _>("the disk is full"));
    assert!(matches!(none, Err(NotOpened::NotRecorded("the disk is full"))));
    assert_eq!(given.mint.left(&given.token), Some(2));
}

#[test]
fn case_36_a_forgery_is_refused_wherever_it_is_wrong() {
    let mut given = minted();
    let genuine = *given.token.secret_bytes();
    for wrong in 0..Token::BYTES {
        for bit in 0..8 {
            let mut bytes = genuine;
            bytes[wrong] ^= 1 << bit;
            let fault = given.mint.fault(&Token::from_bytes(bytes), STEP, &run(), &given.request, NOW);
            assert_eq!(fault, Some(TokenFault::Forged), "byte {wrong}, bit {bit}");
        }
    }
    let mut first = genuine;
    first[0] ^= 1;
    let mut last = genuine;
    last[Token::BYTES - 1] ^= 1;
    for forged in [first, last] {
        full_path(&mut given, NOW, STEP, &run(), &Token::from_bytes(forged));
    }
    // That it takes the same time is by construction (`Mac::verify_slice`, and the decoy for an unknown number), not a test: see `benches/decide.rs`
    // for the times of both.
    assert_eq!(format!("{:?} {:?}", given.mint, given.token), "Mint(1 live, key not shown) Token(…)");
}
