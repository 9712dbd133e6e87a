//! The vendor's calls. Each builds a request and reads its response.

mod delete_group_members;
mod get_group_info;
mod get_group_member_info;
mod get_ip_list;
mod get_specified_group_member_info;
mod invalid_count;
mod member;
mod member_list;
mod modify_group_base_info;
mod query_online_status;
mod wire;

pub use self::delete_group_members::DeleteGroupMembers;
pub use self::get_group_info::{GetGroupInfo, GroupInfo, GroupType};
pub use self::get_group_member_info::{GetGroupMemberInfo, MemberPage};
pub use self::get_ip_list::{GetIpList, IpList, NetType};
pub use self::get_specified_group_member_info::GetSpecifiedGroupMemberInfo;
pub use self::invalid_count::InvalidCount;
pub use self::member::{Member, Role};
pub use self::member_list::MemberList;
pub use self::modify_group_base_info::ModifyGroupBaseInfo;
pub use self::query_online_status::{OnlineStatus, OnlineStatusList, QueryOnlineStatus};
