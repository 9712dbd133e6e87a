//! The feature `rest`, as a user of the crate sees it. The worlds of the tests:
//!
//! | world | when to use it |
//! |---|---|
//! | `canned` | the test writes each answer itself: a few steps, or an answer that no honest vendor gives |
//! | `world` | a whole run against `stand_in`, which keeps to the vendor's rules: the test changes the group or orders a fault at a call of its choice |
//! | `simulation` | what must always hold: chance chooses the group, the policy, the events and the faults |
//!
//! Which test holds what `MakeRoom` guarantees; `simulation` holds all of it for one run at a time:
//!
//! | guarantee | held by |
//! |---|---|
//! | an ordinary member, unprotected, inactive for long enough | `policy::who_may_be_removed`, `plan`, `doubts::second_look` |
//! | had neither spoken nor rejoined since the plan | `changes::members_change_while_it_runs`,
//! `doubts::a_member_who_rejoined_stays_under_any_policy` |
//! | seen in a look asked for at most 30 seconds before, as old as its request | `clocks::look_is_as_old_as_its_request`, `clocks::late_answer_to_a_look_removes_nobody`, `clocks::clock_that_is_set_back_makes_a_look_old`, `saved::stopped_for_a_day_anywhere` |
//! | members who are online, or may be, stay | `presence` |
//! | forced silence, and silence before an import, mean nothing | `silence` |
//! | robots and the calling account stay | `silence::robots_and_the_calling_account_stay` |
//! | the limit is raised first, and a refusal removes nobody | `raise` |
//! | a plan is carried out as approved; a saved run never overrides the caller | `approval` |
//! | an entry that cannot be understood or contradicts another one spares | `members`, `doubts` |
//! | no time of joining, or a time after `now`, spares | `policy::who_may_be_removed`, `doubts::page_with_one_doubtful_entry` |
//! | silence counts only where it is shown to mean something | `evidence` |
//! | no reader is removed | `doubts::readers_are_spared`, `evidence::unknown_readers` |
//! | no more than were missing for the aim, asked again | `limits::aim`, `changes::others_leave_while_it_runs`, `changes::group_that_changes_is_counted_before_every_removal`, `clocks::count_is_as_old_as_its_request` |
//! | a removal without an answer counts as done | `unanswered::not_again_if_fewer_are_missing`, `unanswered::others_are_removed_only_for_the_slots_still_missing` |
//! | a run after this one frees what is missing and no more | `make_room::second_run_frees_only_what_is_missing_then`, `limits::ten_runs_remove_no_more_than_one` |
//! | two runs together remove whom one would have removed | `two_runs` |
//! | it ends, within its bound on calls | `limits::calls_have_a_bound`, `limits::removals_have_a_bound`, `saved::too_slow_to_remove_anybody`, `clocks::clock_that_jitters` |
//! | every outcome is true | `unanswered::what_the_next_look_says`, `unanswered::codes_that_leave_the_outcome_open`, `doubts::second_look` |

mod canned;
mod world;

mod approval;
mod calls;
mod changes;
mod clocks;
mod doubts;
mod errors;
mod evidence;
mod faults;
mod limits;
mod make_room;
mod members;
mod pages;
mod plan;
mod policy;
mod presence;
mod raise;
mod saved;
mod silence;
mod simulation;
mod stand_in;
mod stand_in_limits;
mod two_runs;
mod types;
mod unanswered;
mod user_sig;
