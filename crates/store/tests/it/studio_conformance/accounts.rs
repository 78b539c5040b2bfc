//! Accounts, and the links that lead to them.

use futures_util::future::join_all;
use plantain_mail::address::MailAddress;
use plantain_store::studio::StudioStores;
use plantain_studio::accounts::account::{AccountFilter, AccountId, Link, LinkBounds, LinkId, Posted};
use plantain_studio::accounts::silence::Mailbox;
use plantain_studio::bulk::batch::{Batch, Refused, Steer};
use plantain_studio::job::key::Tier;
use plantain_studio::job::transition::JobEvent;
use plantain_studio::job::{Job, JobError, Outcome, Owner};
use plantain_studio::messages::hook::{Callback, HOOKS_MAX, Hook, HookId};
use plantain_studio::messages::letter::LetterTo;
use plantain_studio::messages::message::{Channel, Event, MessageState};
use plantain_studio::messages::owing;
use plantain_studio::messages::store::MessageFilter;
use plantain_studio::messages::view::Eyes;
use plantain_studio::messages::whatsapp::wish::WhatsappWish;
use plantain_studio::store::{Applied, Forgotten, JobFilter};

use super::{LEASE, changed, job, later, now};

pub fn link(digest: &str, mailbox: &str, asker: Option<&Owner>) -> Link {
    Link {
        id: LinkId::random(),
        digest: digest.to_owned(),
        address: MailAddress::parse(mailbox).unwrap(),
        language: "hi".into(),
        asker: asker.cloned(),
        created_at: now(),
        expires_at: later(900),
        tries: 0,
    }
}

async fn asked(stores: &StudioStores, link: &Link) -> bool {
    stores.jobs.ask(link, &LinkBounds::default(), now()).await.unwrap()
}

pub async fn links_are_counted_by_mailbox_by_asker_and_in_all(stores: &StudioStores) {
    let (a, b) = (Owner::session("a"), Owner::session("b"));
    let bounds = LinkBounds { mailbox: 2, asker: 3, all: 6 };
    let ask = async |digest: &str, mailbox: &str, asker: Option<&Owner>| {
        stores.jobs.ask(&link(digest, mailbox, asker), &bounds, now()).await.unwrap()
    };
    assert!(ask("1", "Asha@example.com", Some(&a)).await);
    assert!(ask("2", "asha@EXAMPLE.com", Some(&b)).await);
    assert!(!ask("3", "asha@example.com", None).await, "the mailbox has had two");
    assert!(ask("4", "ravi@example.com", Some(&a)).await);
    assert!(ask("5", "mina@example.com", Some(&a)).await);
    assert!(!ask("6", "kiran@example.com", Some(&a)).await, "the asker has had three");
    assert!(ask("7", "kiran@example.com", None).await);
    assert!(ask("8", "kiran@example.com", None).await);
    assert!(!ask("9", "lata@example.com", Some(&b)).await, "six are out");
    let young = Link { created_at: later(7_000), ..link("10", "asha@example.com", Some(&a)) };
    assert!(stores.jobs.ask(&young, &bounds, later(3_601)).await.unwrap(), "an hour later nothing is counted any more");
    assert_eq!(stores.jobs.link("1", now()).await.unwrap(), None, "and what was counted is forgotten");
}

pub async fn of_many_who_ask_at_once_no_more_than_the_bound_are_heard(stores: &StudioStores) {
    let links: Vec<Link> = (0..12).map(|n| link(&n.to_string(), "asha@example.com", None)).collect();
    let heard = join_all(links.iter().map(|link| asked(stores, link))).await;
    assert_eq!(heard.iter().filter(|heard| **heard).count(), 5, "{heard:?}");
}

pub async fn a_letter_is_owed_until_it_is_posted_or_its_link_has_expired(stores: &StudioStores) {
    let one = link("1", "asha@example.com", None);
    assert!(asked(stores, &one).await);
    let claim = async |at: u64| stores.jobs.claim_letters(9, LEASE, later(at)).await.unwrap();
    assert_eq!(claim(0).await, [Link { tries: 1, ..one.clone() }]);
    assert_eq!(claim(1).await, [], "somebody has it");
    assert_eq!(claim(31).await[0].tries, 2, "whoever had it has died");
    stores.jobs.posted(&one.id, Posted::Again(later(100))).await.unwrap();
    assert_eq!((claim(99).await.len(), claim(100).await.len()), (0, 1));
    stores.jobs.posted(&one.id, Posted::Sent).await.unwrap();
    assert_eq!(claim(200).await, []);
    let late = link("2", "asha@example.com", None);
    assert!(asked(stores, &late).await);
    assert_eq!(claim(900).await, [], "nobody is sent a link that doesn't work");
}

pub async fn a_link_works_once_and_brings_what_its_asker_made(stores: &StudioStores) {
    let (own, other) = (Owner::session("own"), Owner::session("other"));
    let mine = job(0).owned_by(Some(own.clone()));
    let yours = job(1).owned_by(Some(other.clone()));
    for job in [&mine, &yours] {
        stores.jobs.insert(job).await.unwrap();
    }
    let new = AccountId::random();
    assert!(asked(stores, &link("1", "Asha@example.com", Some(&own))).await);
    assert_eq!(stores.jobs.follow("2", Some(&own), &new, now()).await.unwrap(), None, "guessed");
    assert_eq!(stores.jobs.follow("1", Some(&own), &new, later(900)).await.unwrap(), None, "too late");
    let tries = join_all((0..8).map(|_| stores.jobs.follow("1", Some(&own), &new, now()))).await;
    let followed: Vec<_> = tries.into_iter().filter_map(|followed| followed.unwrap()).collect();
    assert_eq!(followed.len(), 1, "once");
    let (account, owner) = (&followed[0].account, Owner::account(&new));
    assert_eq!((&account.id, account.address.to_string().as_str(), followed[0].moved), (&new, "Asha@example.com", 1));
    assert_eq!((account.language.as_str(), account.notify), ("hi", false));
    assert_eq!(stores.jobs.link("1", now()).await.unwrap(), None);
    assert_eq!(stores.jobs.owner(&mine.id).await.unwrap(), Some(owner.clone()));
    assert_eq!(stores.jobs.owner(&yours.id).await.unwrap(), Some(other.clone()));
    for (whose, jobs) in [(Some(&owner), 1), (Some(&own), 0), (Some(&other), 1), (None, 2)] {
        assert_eq!(stores.jobs.kept(whose).await.unwrap().jobs, jobs, "{whose:?}");
    }

    // The same mailbox again, written otherwise, followed by a browser that did not ask.
    assert!(asked(stores, &link("3", "ASHA@Example.com", Some(&own))).await);
    let again = stores.jobs.follow("3", Some(&other), &AccountId::random(), now()).await.unwrap().unwrap();
    assert_eq!((&again.account.id, again.moved), (&new, 0), "the same account, and nothing of who did not ask");
    assert_eq!(stores.jobs.owner(&yours.id).await.unwrap(), Some(other));

    assert!(stores.jobs.set_notify(&new, true).await.unwrap());
    assert!(stores.jobs.account_of(&new).await.unwrap().unwrap().notify);
    assert!(!stores.jobs.set_notify(&AccountId::random(), true).await.unwrap());
}

pub async fn a_link_brings_hooks_and_messages_too_and_the_newest_hooks_stay(stores: &StudioStores) {
    let (first, second) = (Owner::session("first"), Owner::session("second"));
    let mut made = Vec::new();
    for (owner, ages) in [(&first, 0..5), (&second, 10..18)] {
        for age in ages {
            let hook = Hook {
                id: HookId::new(later(age)),
                owner: Some(owner.clone()),
                channel: Channel::Webhook,
                target: format!("https://{age}.example/"),
                events: Vec::new(),
                secret: None,
                created_at: later(age),
            };
            assert!(stores.jobs.add_hook(&hook, HOOKS_MAX).await.unwrap());
            stores.jobs.owe(&owing::test(&hook, later(age))).await.unwrap();
            made.push(hook);
        }
    }
    let new = AccountId::random();
    let account = Owner::account(&new);
    for (digest, session) in [("1", &first), ("2", &second)] {
        assert!(asked(stores, &link(digest, "asha@example.com", Some(session))).await);
        stores.jobs.follow(digest, Some(session), &new, now()).await.unwrap().unwrap();
        assert_eq!(stores.jobs.hooks(session).await.unwrap(), [], "the browser's own are the account's now");
    }
    let newest: Vec<Hook> =
        made[3..].iter().map(|hook| Hook { owner: Some(account.clone()), ..hook.clone() }).collect();
    assert_eq!((newest.len(), stores.jobs.hooks(&account).await.unwrap()), (HOOKS_MAX, newest));
    let filter = MessageFilter { owner: Some(account), ..MessageFilter::default() };
    let messages = stores.jobs.messages(&filter).await.unwrap();
    let dead = messages.iter().filter(|message| message.state == MessageState::Dead).count();
    assert_eq!((messages.len(), dead), (13, 3), "nothing goes to the hooks that had to go");
}

pub async fn who_wants_letters_is_told_of_jobs_alone_and_of_batches_as_a_whole(stores: &StudioStores) {
    let new = AccountId::random();
    assert!(asked(stores, &link("1", "Asha@example.com", None)).await);
    stores.jobs.follow("1", None, &new, now()).await.unwrap().unwrap();
    let owner = Owner::account(&new);
    let told = async || {
        let filter = MessageFilter { owner: Some(owner.clone()), ..MessageFilter::default() };
        let messages = stores.jobs.messages(&filter).await.unwrap();
        messages.into_iter().map(|message| (message.channel, message.target, message.event)).collect::<Vec<_>>()
    };
    let fails = async |made: &Job| {
        let claimed = stores.jobs.claim(9, LEASE, later(60)).await.unwrap();
        let epoch = claimed.jobs.iter().find(|job| job.id == made.id).unwrap().epoch;
        let outcome = Outcome::Failed(JobError::new("no_product", "No.", "Do."));
        changed(stores, &made.id, JobEvent::Ends { epoch, outcome }).await;
    };
    let silent = job(0).owned_by(Some(owner.clone()));
    stores.jobs.insert(&silent).await.unwrap();
    fails(&silent).await;
    assert_eq!(told().await, [], "nobody asked for letters");

    assert!(stores.jobs.set_notify(&new, true).await.unwrap());
    assert!(stores.jobs.set_notify(&new, true).await.unwrap(), "twice is once");
    let one = job(1).owned_by(Some(owner.clone()));
    stores.jobs.insert(&one).await.unwrap();
    fails(&one).await;
    assert_eq!(told().await, [(Channel::Mail, "Asha@example.com".to_owned(), Event::JobFailed)]);

    let (batch, item) = super::bulk::lone(Some(owner.clone()));
    stores.jobs.insert_batch(&batch, &[item]).await.unwrap();
    let (_, item) = stores.jobs.claim_items(1, 8, LEASE, later(60)).await.unwrap().pop().unwrap();
    let part = job(2).owned_by(Some(owner.clone()));
    assert!(stores.jobs.begin_item(&batch.id, item.number, &part).await.unwrap());
    fails(&part).await;
    assert_eq!(told().await.len(), 1, "not of each photo");
    stores.jobs.claim_items(1, 8, LEASE, later(61)).await.unwrap();
    let all = told().await;
    assert_eq!((all.len(), all[0].2), (2, Event::BatchDone));

    assert!(stores.jobs.set_notify(&new, false).await.unwrap());
    let dead = MessageFilter { state: Some(MessageState::Dead), ..MessageFilter::default() };
    assert_eq!(stores.jobs.messages(&dead).await.unwrap().len(), 2, "what was about to be sent is not");
    stores.jobs.close(&new, now()).await.unwrap();
    assert_eq!(told().await, [], "the address is nowhere any more");
}

pub async fn who_leaves_is_forgotten_as_soon_as_nothing_runs(stores: &StudioStores) {
    let new = AccountId::random();
    assert!(asked(stores, &link("1", "asha@example.com", None)).await);
    stores.jobs.follow("1", None, &new, now()).await.unwrap().unwrap();
    assert!(asked(stores, &link("2", "asha@example.com", None)).await);
    let owner = Owner::account(&new);
    let made = job(0).owned_by(Some(owner.clone()));
    stores.jobs.insert(&made).await.unwrap();
    assert!(!stores.jobs.clear(&new).await.unwrap(), "nobody has left");
    assert!(stores.jobs.close(&new, now()).await.unwrap());
    assert!(!stores.jobs.close(&new, now()).await.unwrap());
    assert_eq!(stores.jobs.account_of(&new).await.unwrap(), None);
    assert_eq!(stores.jobs.link("2", now()).await.unwrap(), None, "no link leads into it any more");
    assert!(!stores.jobs.set_notify(&new, true).await.unwrap());
    assert_eq!(closed(stores, 9, 0).await, std::slice::from_ref(&new));
    assert!(!stores.jobs.clear(&new).await.unwrap(), "a job is left");
    changed(stores, &made.id, JobEvent::CancelAsked).await;
    assert_eq!(stores.jobs.forget(&made.id, now()).await.unwrap(), Forgotten::Gone);
    // Another process had not heard of it yet.
    let hook = Hook {
        id: HookId::new(now()),
        owner: Some(owner.clone()),
        channel: Channel::Webhook,
        target: "https://late.example/".into(),
        events: Vec::new(),
        secret: None,
        created_at: now(),
    };
    assert!(stores.jobs.add_hook(&hook, HOOKS_MAX).await.unwrap());
    assert!(stores.jobs.clear(&new).await.unwrap());
    assert_eq!(closed(stores, 9, 0).await, []);
    assert_eq!(stores.jobs.hooks(&owner).await.unwrap(), []);
    let of_them = JobFilter { owner: Some(owner), ..JobFilter::default() };
    assert_eq!(stores.jobs.jobs(&of_them).await.unwrap(), []);

    // The mailbox is nobody's now: whoever has it begins anew.
    assert!(asked(stores, &link("3", "asha@example.com", None)).await);
    let anew = AccountId::random();
    let followed = stores.jobs.follow("3", None, &anew, now()).await.unwrap().unwrap();
    assert_eq!(followed.account.id, anew);
}

pub async fn an_account_is_free_until_it_is_given_more_and_all_are_listed_by_mailbox(stores: &StudioStores) {
    let (mina, asha) = (account(stores, "1", "mina@example.com").await, account(stores, "2", "Asha@example.com").await);
    let ravi = account(stores, "3", "ravi@example.com").await;
    let listed = async |after: Option<&AccountId>, tier, limit| {
        let filter = AccountFilter { after: after.cloned(), tier, limit };
        let accounts = stores.jobs.accounts(&filter).await.unwrap();
        accounts.into_iter().map(|account| account.id).collect::<Vec<_>>()
    };
    assert_eq!(stores.jobs.account_of(&asha).await.unwrap().unwrap().tier, Tier::Free);
    assert_eq!(listed(None, None, 9).await, [asha.clone(), mina.clone(), ravi.clone()]);
    assert_eq!(listed(None, Some(Tier::Paid), 9).await, []);
    let address = |text: &str| MailAddress::parse(text).unwrap();
    let set = stores.jobs.set_tier(&address("ASHA@example.com"), Tier::Paid).await.unwrap().unwrap();
    assert_eq!((&set.id, set.tier, set.address.to_string().as_str()), (&asha, Tier::Paid, "Asha@example.com"));
    assert_eq!(stores.jobs.account_of(&asha).await.unwrap(), Some(set));
    assert_eq!(stores.jobs.set_tier(&address("kiran@example.com"), Tier::Paid).await.unwrap(), None);
    // Signing in again changes nothing of it.
    assert_eq!(account(stores, "4", "asha@example.com").await, asha);
    assert_eq!(stores.jobs.account_of(&asha).await.unwrap().unwrap().tier, Tier::Paid);
    assert_eq!(listed(None, Some(Tier::Paid), 9).await, std::slice::from_ref(&asha));
    assert_eq!(listed(None, Some(Tier::Free), 1).await, std::slice::from_ref(&mina));
    assert_eq!(listed(Some(&mina), Some(Tier::Free), 1).await, std::slice::from_ref(&ravi));
    assert_eq!(listed(Some(&asha), None, 1).await, std::slice::from_ref(&mina));

    assert!(stores.jobs.close(&asha, now()).await.unwrap());
    assert_eq!(stores.jobs.set_tier(&address("asha@example.com"), Tier::Free).await.unwrap(), None);
    assert_eq!(listed(None, None, 9).await, [mina, ravi]);
    let anew = account(stores, "5", "asha@example.com").await;
    assert_eq!(
        stores.jobs.account_of(&anew).await.unwrap().unwrap().tier,
        Tier::Free,
        "whoever comes back begins anew"
    );
}

/// Whose turn it is, at that age.
async fn closed(stores: &StudioStores, count: usize, age: u64) -> Vec<AccountId> {
    stores.jobs.closed(count, later(age)).await.unwrap().into_iter().map(|closed| closed.id).collect()
}

async fn account(stores: &StudioStores, digest: &str, mailbox: &str) -> AccountId {
    let new = AccountId::random();
    assert!(asked(stores, &link(digest, mailbox, None)).await);
    stores.jobs.follow(digest, None, &new, now()).await.unwrap().unwrap().account.id
}

pub async fn closed_accounts_take_turns(stores: &StudioStores) {
    let mut all = Vec::new();
    for age in 0..3 {
        let id = account(stores, &age.to_string(), &format!("{age}@example.com")).await;
        assert!(stores.jobs.close(&id, later(age)).await.unwrap());
        all.push(id);
    }
    let open = account(stores, "open", "open@example.com").await;
    assert_eq!(closed(stores, 9, 0).await, all[..1], "one has left by then");
    assert_eq!(closed(stores, 2, 9).await, all[..2]);
    stores.jobs.put_off(&all[0], 2, later(20)).await.unwrap();
    stores.jobs.put_off(&all[1], 0, later(9)).await.unwrap();
    stores.jobs.put_off(&open, 1, later(9)).await.unwrap();
    assert_eq!(closed(stores, 1, 9).await, all[2..], "whoever has waited longest");
    assert_eq!(closed(stores, 9, 19).await, [all[2].clone(), all[1].clone()]);
    assert_eq!(closed(stores, 9, 20).await, [all[2].clone(), all[1].clone(), all[0].clone()]);
    let failures: Vec<u32> = stores.jobs.closed(9, later(20)).await.unwrap().iter().map(|one| one.failures).collect();
    assert_eq!(failures, [0, 0, 2]);
}

pub async fn a_mailbox_is_silent_until_its_account_wishes_for_letters(stores: &StudioStores) {
    let (asha, ravi) = (mailbox("Asha@example.com"), mailbox("ravi@example.com"));
    assert!(!stores.jobs.is_silent(&asha).await.unwrap());
    for age in [1, 2] {
        stores.jobs.silence(&asha, later(age)).await.unwrap();
    }
    assert!(stores.jobs.is_silent(&mailbox("asha@EXAMPLE.com")).await.unwrap());
    assert!(!stores.jobs.is_silent(&ravi).await.unwrap());
    let id = account(stores, "1", "ASHA@example.com").await;
    stores.jobs.set_notify(&id, false).await.unwrap();
    assert!(stores.jobs.is_silent(&asha).await.unwrap(), "nobody wished for letters");
    stores.jobs.set_notify(&id, true).await.unwrap();
    assert!(!stores.jobs.is_silent(&asha).await.unwrap());
}

fn mailbox(text: &str) -> Mailbox {
    Mailbox::of(&MailAddress::parse(text).unwrap())
}

pub async fn who_has_left_is_told_nothing_of_what_is_stopped_for_them(stores: &StudioStores) {
    let id = account(stores, "1", "asha@example.com").await;
    let owner = Owner::account(&id);
    let to = || LetterTo { address: MailAddress::parse("other@example.com").unwrap(), language: "en".into() };
    let mut made = job(0).owned_by(Some(owner.clone()));
    made.spec.callback = Some(Callback { url: "https://leaver.example/".into(), secret: None });
    made.spec.notify = Some(to());
    stores.jobs.insert(&made).await.unwrap();
    let (batch, item) = super::bulk::lone(Some(owner));
    let whatsapp = Some(WhatsappWish::parse("+91 98765 43210").unwrap());
    let told = Batch { notify: Some(to()), whatsapp: whatsapp.clone(), ..batch.clone() };
    stores.jobs.insert_batch(&told, &[item]).await.unwrap();
    let settings = Hook {
        id: HookId::settings(),
        owner: None,
        channel: Channel::Webhook,
        target: "https://all.example/".into(),
        events: Vec::new(),
        secret: None,
        created_at: now(),
    };
    stores.jobs.set_settings_hook(Some(&settings)).await.unwrap();
    assert!(stores.jobs.close(&id, later(1)).await.unwrap());
    let kept = stores.jobs.batch(&batch.id).await.unwrap().unwrap().0;
    assert_eq!((kept.notify, kept.whatsapp), (None, None), "where they would have been told is forgotten at once");
    changed(stores, &made.id, JobEvent::CancelAsked).await;
    stores.jobs.steer(&batch.id, Steer::Cancel, later(2)).await.unwrap();
    let (file_name, why) = (None, JobError::new("archive_broken", "No.", "Do."));
    let (preset, notify) = ("ebay".into(), Some(to()));
    let refused = Refused { owner: batch.owner, preset, file_name, notify, whatsapp, why };
    stores.jobs.owe_refused(&refused, later(3)).await.unwrap();
    let filter = MessageFilter { eyes: Eyes::Operators, ..MessageFilter::default() };
    let told = stores.jobs.messages(&filter).await.unwrap();
    let targets: Vec<&str> = told.iter().map(|message| message.target.as_str()).collect();
    assert_eq!(targets, ["https://all.example/"; 3], "the operator alone");
}

/// Either the message is owed first, and is forgotten with the account, or the account is closed first, and none is owed.
pub async fn whoever_leaves_while_a_job_ends_is_told_nothing_of_it(stores: &StudioStores) {
    for round in 0..40_u32 {
        let id = account(stores, &round.to_string(), &format!("asha{round}@example.com")).await;
        let mut made = job(u64::from(round)).owned_by(Some(Owner::account(&id)));
        made.spec.callback = Some(Callback { url: "https://leaver.example/".into(), secret: None });
        stores.jobs.insert(&made).await.unwrap();
        let leaves = stores.jobs.close(&id, later(1));
        let (closed, applied) = tokio::join!(leaves, stores.jobs.apply(&made.id, &JobEvent::CancelAsked, now()));
        assert!(closed.unwrap() && matches!(applied.unwrap(), Applied::Changed(_)));
        let told = stores.jobs.messages(&MessageFilter { eyes: Eyes::Operators, ..MessageFilter::default() }).await;
        assert_eq!(told.unwrap(), [], "round {round}");
    }
}
