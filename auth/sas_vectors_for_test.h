#pragma once

#include <array>
#include <string_view>

namespace sluice::auth::test {

/// A shared access signature made by one of Azure's own client libraries
/// (@azure/storage-blob 12.32.0, @azure/storage-file-datalake, azure-storage 0.3.3
/// for the forms of 2012 and 2013), with the resource of the request it is used
/// for. The account is `sluiceaccount`; its first key is the bytes 0 to 63, its
/// second 200 down to 137. The delegation keys are those of delegation_key().
struct SasVector {
  const char* name;
  std::string_view query;
  std::string_view container, blob, snapshot, version;
  std::string_view string_to_sign;
};

inline constexpr auto kSasVectors = std::to_array<SasVector>({
    {"container 2015-04-05",
     "sv=2015-04-05&se=2026-12-31T23%3A59%3A59Z&sr=c&sp=rl&sig=2RdOwElG3wa0C%2B9OWj5wUlawEN8ssTqDO%2BVRzkuv2Mc%3D",
     "photos", "any/blob.txt", "", "",
     "rl\n\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/photos\n\n\n\n2015-04-05\n\n\n\n\n"},
    {"blob with everything 2015-04-05",
     "sv=2015-04-05&spr=https&st=2026-01-02T03%3A04%3A05Z&se=2026-12-31T23%3A59%3A59Z&sip=10.0.0.1-10.0.0.9&sr=b&sp="
     "racwd&rscc=no-cache%2C%20max-age%3D5&rscd=attachment%3B%20filename%3D%22a%2Bb%20c.txt%22&rsce=gzip&rscl=de-DE&"
     "rsct=text%2Fplain%3B%20charset%3Dutf-8&sig=w9%2Bmgqs39gUXuDVpI2N6xVuVjvzV4odK2lo%2BH8x8xb0%3D",
     "photos", "dir/\303\274 \303\244&+%/cat.jpg", "", "",
     "racwd\n2026-01-02T03:04:05Z\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/photos/dir/\303\274 "
     "\303\244&+%/cat.jpg\n\n10.0.0.1-10.0.0.9\nhttps\n2015-04-05\nno-cache, max-age=5\nattachment; filename=\"a+b "
     "c.txt\"\ngzip\nde-DE\ntext/plain; charset=utf-8"},
    {"container 2018-03-28",
     "sv=2018-03-28&se=2026-12-31T23%3A59%3A59Z&sr=c&sp=rl&sig=KNZLr%2Fl6C0PgRrjR1tiuOWdrHhHzFcDZfQ4S1LAUgQE%3D",
     "photos", "any/blob.txt", "", "",
     "rl\n\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/photos\n\n\n\n2018-03-28\n\n\n\n\n"},
    {"blob with everything 2018-03-28",
     "sv=2018-03-28&spr=https&st=2026-01-02T03%3A04%3A05Z&se=2026-12-31T23%3A59%3A59Z&sip=10.0.0.1-10.0.0.9&sr=b&sp="
     "racwd&rscc=no-cache%2C%20max-age%3D5&rscd=attachment%3B%20filename%3D%22a%2Bb%20c.txt%22&rsce=gzip&rscl=de-DE&"
     "rsct=text%2Fplain%3B%20charset%3Dutf-8&sig=v2GV0UCpjZrhsdTmr1xxaWTAPzdPAKAAxpVC6PoKM7Q%3D",
     "photos", "dir/\303\274 \303\244&+%/cat.jpg", "", "",
     "racwd\n2026-01-02T03:04:05Z\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/photos/dir/\303\274 "
     "\303\244&+%/cat.jpg\n\n10.0.0.1-10.0.0.9\nhttps\n2018-03-28\nno-cache, max-age=5\nattachment; filename=\"a+b "
     "c.txt\"\ngzip\nde-DE\ntext/plain; charset=utf-8"},
    {"container 2018-11-09",
     "sv=2018-11-09&se=2026-12-31T23%3A59%3A59Z&sr=c&sp=rl&sig=zN4QqarIOmNyu1aVC9B4pei17DLAOkyYqMMGxgX%2BeeU%3D",
     "photos", "any/blob.txt", "", "",
     "rl\n\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/photos\n\n\n\n2018-11-09\nc\n\n\n\n\n\n"},
    {"blob with everything 2018-11-09",
     "sv=2018-11-09&spr=https&st=2026-01-02T03%3A04%3A05Z&se=2026-12-31T23%3A59%3A59Z&sip=10.0.0.1-10.0.0.9&sr=b&sp="
     "racwd&rscc=no-cache%2C%20max-age%3D5&rscd=attachment%3B%20filename%3D%22a%2Bb%20c.txt%22&rsce=gzip&rscl=de-DE&"
     "rsct=text%2Fplain%3B%20charset%3Dutf-8&sig=FxGvuv7uVo2zvE0yFtqRc9N6Yuj7Z6polYZcfdnzgNE%3D",
     "photos", "dir/\303\274 \303\244&+%/cat.jpg", "", "",
     "racwd\n2026-01-02T03:04:05Z\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/photos/dir/\303\274 "
     "\303\244&+%/cat.jpg\n\n10.0.0.1-10.0.0.9\nhttps\n2018-11-09\nb\n\nno-cache, max-age=5\nattachment; "
     "filename=\"a+b c.txt\"\ngzip\nde-DE\ntext/plain; charset=utf-8"},
    {"container 2020-02-10",
     "sv=2020-02-10&se=2026-12-31T23%3A59%3A59Z&sr=c&sp=rl&sig=vdOPmcs1KPjKADDO2%2Fky3TY0Mm1tSKmDZ3MhpOjzK%2Bs%3D",
     "photos", "any/blob.txt", "", "",
     "rl\n\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/photos\n\n\n\n2020-02-10\nc\n\n\n\n\n\n"},
    {"blob with everything 2020-02-10",
     "sv=2020-02-10&spr=https&st=2026-01-02T03%3A04%3A05Z&se=2026-12-31T23%3A59%3A59Z&sip=10.0.0.1-10.0.0.9&sr=b&sp="
     "racwd&rscc=no-cache%2C%20max-age%3D5&rscd=attachment%3B%20filename%3D%22a%2Bb%20c.txt%22&rsce=gzip&rscl=de-DE&"
     "rsct=text%2Fplain%3B%20charset%3Dutf-8&sig=0HBe8b86TuD2FOtmF2Y0moDDeGGoYcVvhZlwtO2F0ag%3D",
     "photos", "dir/\303\274 \303\244&+%/cat.jpg", "", "",
     "racwd\n2026-01-02T03:04:05Z\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/photos/dir/\303\274 "
     "\303\244&+%/cat.jpg\n\n10.0.0.1-10.0.0.9\nhttps\n2020-02-10\nb\n\nno-cache, max-age=5\nattachment; "
     "filename=\"a+b c.txt\"\ngzip\nde-DE\ntext/plain; charset=utf-8"},
    {"container 2020-12-06",
     "sv=2020-12-06&se=2026-12-31T23%3A59%3A59Z&sr=c&sp=rl&sig=cYOEWHVqAXbFog1178%2F1jxjult02idCm6OATfGT8LhQ%3D",
     "photos", "any/blob.txt", "", "",
     "rl\n\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/photos\n\n\n\n2020-12-06\nc\n\n\n\n\n\n\n"},
    {"blob with everything 2020-12-06",
     "sv=2020-12-06&spr=https&st=2026-01-02T03%3A04%3A05Z&se=2026-12-31T23%3A59%3A59Z&sip=10.0.0.1-10.0.0.9&ses=scope1&"
     "sr=b&sp=racwd&rscc=no-cache%2C%20max-age%3D5&rscd=attachment%3B%20filename%3D%22a%2Bb%20c.txt%22&rsce=gzip&rscl="
     "de-DE&rsct=text%2Fplain%3B%20charset%3Dutf-8&sig=mFNjXQahGhwPLHc5f93WLZ2%2F41WL9Vr%2BgqUGqeDDbhU%3D",
     "photos", "dir/\303\274 \303\244&+%/cat.jpg", "", "",
     "racwd\n2026-01-02T03:04:05Z\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/photos/dir/\303\274 "
     "\303\244&+%/cat.jpg\n\n10.0.0.1-10.0.0.9\nhttps\n2020-12-06\nb\n\nscope1\nno-cache, max-age=5\nattachment; "
     "filename=\"a+b c.txt\"\ngzip\nde-DE\ntext/plain; charset=utf-8"},
    {"container 2023-11-03",
     "sv=2023-11-03&se=2026-12-31T23%3A59%3A59Z&sr=c&sp=rl&sig=vpwgUx7%2B%2FHuuBMzKxTVueqy9qqJzSAJCLHscbYL%2Fib4%3D",
     "photos", "any/blob.txt", "", "",
     "rl\n\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/photos\n\n\n\n2023-11-03\nc\n\n\n\n\n\n\n"},
    {"blob with everything 2023-11-03",
     "sv=2023-11-03&spr=https&st=2026-01-02T03%3A04%3A05Z&se=2026-12-31T23%3A59%3A59Z&sip=10.0.0.1-10.0.0.9&ses=scope1&"
     "sr=b&sp=racwd&rscc=no-cache%2C%20max-age%3D5&rscd=attachment%3B%20filename%3D%22a%2Bb%20c.txt%22&rsce=gzip&rscl="
     "de-DE&rsct=text%2Fplain%3B%20charset%3Dutf-8&sig=uybIG0j5oV8C5C9hP3TjYqlvjPXmN9pmVFWV4bI6mTM%3D",
     "photos", "dir/\303\274 \303\244&+%/cat.jpg", "", "",
     "racwd\n2026-01-02T03:04:05Z\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/photos/dir/\303\274 "
     "\303\244&+%/cat.jpg\n\n10.0.0.1-10.0.0.9\nhttps\n2023-11-03\nb\n\nscope1\nno-cache, max-age=5\nattachment; "
     "filename=\"a+b c.txt\"\ngzip\nde-DE\ntext/plain; charset=utf-8"},
    {"container 2026-04-06",
     "sv=2026-04-06&se=2026-12-31T23%3A59%3A59Z&sr=c&sp=rl&sig=Ko2obBtfh72VhvBg8tSuptzWuaZlR34iBRsbSSFZPVA%3D",
     "photos", "any/blob.txt", "", "",
     "rl\n\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/photos\n\n\n\n2026-04-06\nc\n\n\n\n\n\n\n"},
    {"blob with everything 2026-04-06",
     "sv=2026-04-06&spr=https&st=2026-01-02T03%3A04%3A05Z&se=2026-12-31T23%3A59%3A59Z&sip=10.0.0.1-10.0.0.9&ses=scope1&"
     "sr=b&sp=racwd&rscc=no-cache%2C%20max-age%3D5&rscd=attachment%3B%20filename%3D%22a%2Bb%20c.txt%22&rsce=gzip&rscl="
     "de-DE&rsct=text%2Fplain%3B%20charset%3Dutf-8&sig=vRKB2qh7YQ6OaYItRQZbJZj%2BwgfNPXUsRUjR1lOVkAU%3D",
     "photos", "dir/\303\274 \303\244&+%/cat.jpg", "", "",
     "racwd\n2026-01-02T03:04:05Z\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/photos/dir/\303\274 "
     "\303\244&+%/cat.jpg\n\n10.0.0.1-10.0.0.9\nhttps\n2026-04-06\nb\n\nscope1\nno-cache, max-age=5\nattachment; "
     "filename=\"a+b c.txt\"\ngzip\nde-DE\ntext/plain; charset=utf-8"},
    {"second key",
     "sv=2020-12-06&se=2026-12-31T23%3A59%3A59Z&sr=b&sp=r&sig=Hz2Jg14V%2FjYtKehvyL%2BLeqG9%2BAI44rmEShOk1MEGKV0%3D",
     "photos", "b", "", "",
     "r\n\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/photos/b\n\n\n\n2020-12-06\nb\n\n\n\n\n\n\n"},
    {"snapshot 2018-11-09",
     "sv=2018-11-09&se=2026-12-31T23%3A59%3A59Z&sr=bs&sp=r&sig=9ySUQOCaH2eCwJ534pUgYbt886eVJTMBG6xLiIJzaBY%3D",
     "photos", "b", "2026-01-05T00:00:00.1234567Z", "",
     "r\n\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/photos/"
     "b\n\n\n\n2018-11-09\nbs\n2026-01-05T00:00:00.1234567Z\n\n\n\n\n"},
    {"snapshot 2026-04-06",
     "sv=2026-04-06&se=2026-12-31T23%3A59%3A59Z&sr=bs&sp=rd&sig=VYV6KgxLZcKUZdJJmfVa2GIKxDoX2GmTm041H7xfOL4%3D",
     "photos", "b", "2026-01-05T00:00:00.1234567Z", "",
     "rd\n\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/photos/"
     "b\n\n\n\n2026-04-06\nbs\n2026-01-05T00:00:00.1234567Z\n\n\n\n\n\n"},
    {"version 2020-12-06",
     "sv=2020-12-06&se=2026-12-31T23%3A59%3A59Z&sr=bv&sp=rx&sig=%2FMLv3UOiy4O7hYVH3lp1CkIyMCaXqPTsRfCPzvlwPBo%3D",
     "photos", "b", "", "2026-01-06T00:00:00.7654321Z",
     "rx\n\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/photos/"
     "b\n\n\n\n2020-12-06\nbv\n2026-01-06T00:00:00.7654321Z\n\n\n\n\n\n"},
    {"policy alone", "sv=2020-12-06&si=read-for-all&sr=c&sig=v8d3haQGBGeMfdVh0lyqjhIJyoUWorvtopIhrCQoNkA%3D", "photos",
     "x", "", "", "\n\n\n/blob/sluiceaccount/photos\nread-for-all\n\n\n2020-12-06\nc\n\n\n\n\n\n\n"},
    {"policy and expiry",
     "sv=2018-11-09&se=2026-12-31T23%3A59%3A59Z&si=no-expiry&sr=b&sig=YU%2BDlo2rc%2FWZ7Eg2ISPRXbIbql%"
     "2FVQpzgEaKjodSQsv4%3D",
     "photos", "x", "", "",
     "\n\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/photos/x\nno-expiry\n\n\n2018-11-09\nb\n\n\n\n\n\n"},
    {"root container",
     "sv=2022-11-02&se=2026-12-31T23%3A59%3A59Z&sr=b&sp=r&sig=Zyf4L5Phv3IQUhTPeQhQzYHxnQuGfUzvtuJKVOZdAtU%3D", "$root",
     "robots.txt", "", "",
     "r\n\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/$root/robots.txt\n\n\n\n2022-11-02\nb\n\n\n\n\n\n\n"},
    {"one address",
     "sv=2022-11-02&spr=https%2Chttp&se=2026-12-31T23%3A59%3A59Z&sip=10.0.0.5&sr=c&sp=racwdxltmeif&sig="
     "fxkXEK3SH7gbwF1EV%2B3ZWQQ3MLUfzWHR7xZ8AOD4rsw%3D",
     "photos", "x", "", "",
     "racwdxltmeif\n\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/"
     "photos\n\n10.0.0.5\nhttps,http\n2022-11-02\nc\n\n\n\n\n\n\n"},
    {"delegated container 2018-11-09",
     "sv=2018-11-09&se=2026-12-31T23%3A59%3A59Z&skoid=11111111-2222-3333-4444-555555555555&sktid=66666666-7777-8888-"
     "9999-000000000000&skt=2026-06-01T00%3A00%3A00Z&ske=2026-06-07T12%3A00%3A00Z&sks=b&skv=2018-11-09&sr=c&sp=rl&sig="
     "j89w6t0Qivj9ojglTHOpPQHjUc%2BKszKhvRdH3OGShLk%3D",
     "photos", "any", "", "",
     "rl\n\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/"
     "photos\n11111111-2222-3333-4444-555555555555\n66666666-7777-8888-9999-000000000000\n2026-06-01T00:00:00Z\n2026-"
     "06-07T12:00:00Z\nb\n2018-11-09\n\n\n2018-11-09\nc\n\n\n\n\n\n"},
    {"delegated blob with everything 2018-11-09",
     "sv=2018-11-09&spr=https&st=2026-01-02T03%3A04%3A05Z&se=2026-12-31T23%3A59%3A59Z&sip=10.0.0.1-10.0.0.9&skoid="
     "11111111-2222-3333-4444-555555555555&sktid=66666666-7777-8888-9999-000000000000&skt=2026-06-01T00%3A00%3A00Z&ske="
     "2026-06-07T12%3A00%3A00Z&sks=b&skv=2018-11-09&sr=b&sp=rw&rscc=no-cache%2C%20max-age%3D5&rscd=attachment%3B%"
     "20filename%3D%22a%2Bb%20c.txt%22&rsce=gzip&rscl=de-DE&rsct=text%2Fplain%3B%20charset%3Dutf-8&sig="
     "1DpJAsU9eK0QmHtKieGTeTDe1bFSqMrtr7%2FQTc1jY5g%3D",
     "photos", "dir/\303\274.txt", "", "",
     "rw\n2026-01-02T03:04:05Z\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/photos/dir/"
     "\303\274.txt\n11111111-2222-3333-4444-555555555555\n66666666-7777-8888-9999-000000000000\n2026-06-01T00:00:"
     "00Z\n2026-06-07T12:00:00Z\nb\n2018-11-09\n10.0.0.1-10.0.0.9\nhttps\n2018-11-09\nb\n\nno-cache, "
     "max-age=5\nattachment; filename=\"a+b c.txt\"\ngzip\nde-DE\ntext/plain; charset=utf-8"},
    {"delegated container 2020-02-10",
     "sv=2020-02-10&se=2026-12-31T23%3A59%3A59Z&skoid=11111111-2222-3333-4444-555555555555&sktid=66666666-7777-8888-"
     "9999-000000000000&skt=2026-06-01T00%3A00%3A00Z&ske=2026-06-07T12%3A00%3A00Z&sks=b&skv=2020-02-10&sr=c&sp=rl&sig="
     "Xw%2BJGWy1Oh0VGjAxL08RDgENLbBySCXnnIAL%2FinEDHg%3D",
     "photos", "any", "", "",
     "rl\n\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/"
     "photos\n11111111-2222-3333-4444-555555555555\n66666666-7777-8888-9999-000000000000\n2026-06-01T00:00:00Z\n2026-"
     "06-07T12:00:00Z\nb\n2020-02-10\n\n\n\n\n\n2020-02-10\nc\n\n\n\n\n\n"},
    {"delegated blob with everything 2020-02-10",
     "sv=2020-02-10&spr=https&st=2026-01-02T03%3A04%3A05Z&se=2026-12-31T23%3A59%3A59Z&sip=10.0.0.1-10.0.0.9&skoid="
     "11111111-2222-3333-4444-555555555555&sktid=66666666-7777-8888-9999-000000000000&skt=2026-06-01T00%3A00%3A00Z&ske="
     "2026-06-07T12%3A00%3A00Z&sks=b&skv=2020-02-10&sr=b&sp=rw&rscc=no-cache%2C%20max-age%3D5&rscd=attachment%3B%"
     "20filename%3D%22a%2Bb%20c.txt%22&rsce=gzip&rscl=de-DE&rsct=text%2Fplain%3B%20charset%3Dutf-8&saoid=aaaaaaaa-0000-"
     "0000-0000-000000000000&scid=cccccccc-0000-0000-0000-000000000000&sig=Gv1mHAuOcxRK4jDFcb2mNuM%2F1T1pj7j7RWcXvyt%"
     "2Fv%2F0%3D",
     "photos", "dir/\303\274.txt", "", "",
     "rw\n2026-01-02T03:04:05Z\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/photos/dir/"
     "\303\274.txt\n11111111-2222-3333-4444-555555555555\n66666666-7777-8888-9999-000000000000\n2026-06-01T00:00:"
     "00Z\n2026-06-07T12:00:00Z\nb\n2020-02-10\naaaaaaaa-0000-0000-0000-000000000000\n\ncccccccc-0000-0000-0000-"
     "000000000000\n10.0.0.1-10.0.0.9\nhttps\n2020-02-10\nb\n\nno-cache, max-age=5\nattachment; filename=\"a+b "
     "c.txt\"\ngzip\nde-DE\ntext/plain; charset=utf-8"},
    {"delegated container 2020-12-06",
     "sv=2020-12-06&se=2026-12-31T23%3A59%3A59Z&skoid=11111111-2222-3333-4444-555555555555&sktid=66666666-7777-8888-"
     "9999-000000000000&skt=2026-06-01T00%3A00%3A00Z&ske=2026-06-07T12%3A00%3A00Z&sks=b&skv=2020-12-06&sr=c&sp=rl&sig="
     "oyx%2Fm2LobAaPINJAlVqWt6guC7PDxNhe1sNxVND%2BpoY%3D",
     "photos", "any", "", "",
     "rl\n\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/"
     "photos\n11111111-2222-3333-4444-555555555555\n66666666-7777-8888-9999-000000000000\n2026-06-01T00:00:00Z\n2026-"
     "06-07T12:00:00Z\nb\n2020-12-06\n\n\n\n\n\n2020-12-06\nc\n\n\n\n\n\n\n"},
    {"delegated blob with everything 2020-12-06",
     "sv=2020-12-06&spr=https&st=2026-01-02T03%3A04%3A05Z&se=2026-12-31T23%3A59%3A59Z&sip=10.0.0.1-10.0.0.9&ses=scope1&"
     "skoid=11111111-2222-3333-4444-555555555555&sktid=66666666-7777-8888-9999-000000000000&skt=2026-06-01T00%3A00%"
     "3A00Z&ske=2026-06-07T12%3A00%3A00Z&sks=b&skv=2020-12-06&sr=b&sp=rw&rscc=no-cache%2C%20max-age%3D5&rscd="
     "attachment%3B%20filename%3D%22a%2Bb%20c.txt%22&rsce=gzip&rscl=de-DE&rsct=text%2Fplain%3B%20charset%3Dutf-8&saoid="
     "aaaaaaaa-0000-0000-0000-000000000000&scid=cccccccc-0000-0000-0000-000000000000&sig="
     "4XwiQfideNfZx0N5lSoaUyrfk5tBfiH0GZXFHHfO09A%3D",
     "photos", "dir/\303\274.txt", "", "",
     "rw\n2026-01-02T03:04:05Z\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/photos/dir/"
     "\303\274.txt\n11111111-2222-3333-4444-555555555555\n66666666-7777-8888-9999-000000000000\n2026-06-01T00:00:"
     "00Z\n2026-06-07T12:00:00Z\nb\n2020-12-06\naaaaaaaa-0000-0000-0000-000000000000\n\ncccccccc-0000-0000-0000-"
     "000000000000\n10.0.0.1-10.0.0.9\nhttps\n2020-12-06\nb\n\nscope1\nno-cache, max-age=5\nattachment; filename=\"a+b "
     "c.txt\"\ngzip\nde-DE\ntext/plain; charset=utf-8"},
    {"delegated container 2025-07-05",
     "sv=2025-07-05&se=2026-12-31T23%3A59%3A59Z&skoid=11111111-2222-3333-4444-555555555555&sktid=66666666-7777-8888-"
     "9999-000000000000&skt=2026-06-01T00%3A00%3A00Z&ske=2026-06-07T12%3A00%3A00Z&sks=b&skv=2025-07-05&sr=c&sp=rl&sig="
     "tf%2BeQueiYvbMTo5kR5QEBwXt3gY8JmGasrVz3FOoYRg%3D",
     "photos", "any", "", "",
     "rl\n\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/"
     "photos\n11111111-2222-3333-4444-555555555555\n66666666-7777-8888-9999-000000000000\n2026-06-01T00:00:00Z\n2026-"
     "06-07T12:00:00Z\nb\n2025-07-05\n\n\n\n\n\n\n\n2025-07-05\nc\n\n\n\n\n\n\n"},
    {"delegated blob with everything 2025-07-05",
     "sv=2025-07-05&spr=https&st=2026-01-02T03%3A04%3A05Z&se=2026-12-31T23%3A59%3A59Z&sip=10.0.0.1-10.0.0.9&ses=scope1&"
     "skoid=11111111-2222-3333-4444-555555555555&sktid=66666666-7777-8888-9999-000000000000&skt=2026-06-01T00%3A00%"
     "3A00Z&ske=2026-06-07T12%3A00%3A00Z&sks=b&skv=2025-07-05&sr=b&sp=rw&rscc=no-cache%2C%20max-age%3D5&rscd="
     "attachment%3B%20filename%3D%22a%2Bb%20c.txt%22&rsce=gzip&rscl=de-DE&rsct=text%2Fplain%3B%20charset%3Dutf-8&saoid="
     "aaaaaaaa-0000-0000-0000-000000000000&scid=cccccccc-0000-0000-0000-000000000000&sduoid=dddddddd-0000-0000-0000-"
     "000000000000&skdutid=eeeeeeee-0000-0000-0000-000000000000&sig=Gqpgjc%2F3DnRnC6z8NaQTQ02PjR%2B2q0FgK9gMl2c%2BDFw%"
     "3D",
     "photos", "dir/\303\274.txt", "", "",
     "rw\n2026-01-02T03:04:05Z\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/photos/dir/"
     "\303\274.txt\n11111111-2222-3333-4444-555555555555\n66666666-7777-8888-9999-000000000000\n2026-06-01T00:00:"
     "00Z\n2026-06-07T12:00:00Z\nb\n2025-07-05\naaaaaaaa-0000-0000-0000-000000000000\n\ncccccccc-0000-0000-0000-"
     "000000000000\neeeeeeee-0000-0000-0000-000000000000\ndddddddd-0000-0000-0000-000000000000\n10.0.0.1-10.0.0."
     "9\nhttps\n2025-07-05\nb\n\nscope1\nno-cache, max-age=5\nattachment; filename=\"a+b "
     "c.txt\"\ngzip\nde-DE\ntext/plain; charset=utf-8"},
    {"delegated container 2026-04-06",
     "sv=2026-04-06&se=2026-12-31T23%3A59%3A59Z&skoid=11111111-2222-3333-4444-555555555555&sktid=66666666-7777-8888-"
     "9999-000000000000&skt=2026-06-01T00%3A00%3A00Z&ske=2026-06-07T12%3A00%3A00Z&sks=b&skv=2026-04-06&sr=c&sp=rl&sig="
     "RrBst%2FcErmzf%2BSc8nMRPekLk7CT5Nea8ZWZvULElrt4%3D",
     "photos", "any", "", "",
     "rl\n\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/"
     "photos\n11111111-2222-3333-4444-555555555555\n66666666-7777-8888-9999-000000000000\n2026-06-01T00:00:00Z\n2026-"
     "06-07T12:00:00Z\nb\n2026-04-06\n\n\n\n\n\n\n\n2026-04-06\nc\n\n\n\n\n\n\n\n\n"},
    {"delegated blob with everything 2026-04-06",
     "comp=block&blockid=AA%3D%3D&sv=2026-04-06&spr=https&st=2026-01-02T03%3A04%3A05Z&se=2026-12-31T23%3A59%3A59Z&sip="
     "10.0.0.1-10.0.0.9&ses=scope1&skoid=11111111-2222-3333-4444-555555555555&sktid=66666666-7777-8888-9999-"
     "000000000000&skt=2026-06-01T00%3A00%3A00Z&ske=2026-06-07T12%3A00%3A00Z&sks=b&skv=2026-04-06&sr=b&sp=rw&rscc=no-"
     "cache%2C%20max-age%3D5&rscd=attachment%3B%20filename%3D%22a%2Bb%20c.txt%22&rsce=gzip&rscl=de-DE&rsct=text%"
     "2Fplain%3B%20charset%3Dutf-8&saoid=aaaaaaaa-0000-0000-0000-000000000000&scid=cccccccc-0000-0000-0000-"
     "000000000000&sduoid=dddddddd-0000-0000-0000-000000000000&skdutid=eeeeeeee-0000-0000-0000-000000000000&srh=x-ms-"
     "blob-type%2Cx-ms-meta-a&srq=comp%2Cblockid&sig=Ev5z0BUoy0RZTTh8rC5rmP0Qxo34UwfvecQIKHLz0r8%3D",
     "photos", "dir/\303\274.txt", "", "",
     "rw\n2026-01-02T03:04:05Z\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/photos/dir/"
     "\303\274.txt\n11111111-2222-3333-4444-555555555555\n66666666-7777-8888-9999-000000000000\n2026-06-01T00:00:"
     "00Z\n2026-06-07T12:00:00Z\nb\n2026-04-06\naaaaaaaa-0000-0000-0000-000000000000\n\ncccccccc-0000-0000-0000-"
     "000000000000\neeeeeeee-0000-0000-0000-000000000000\ndddddddd-0000-0000-0000-000000000000\n10.0.0.1-10.0.0."
     "9\nhttps\n2026-04-06\nb\n\nscope1\nx-ms-blob-type:BlockBlob\nx-ms-meta-a:two  "
     "words\n\n\ncomp:block\nblockid:AA==\nno-cache, max-age=5\nattachment; filename=\"a+b "
     "c.txt\"\ngzip\nde-DE\ntext/plain; charset=utf-8"},
    {"delegated snapshot",
     "sv=2020-12-06&se=2026-12-31T23%3A59%3A59Z&skoid=11111111-2222-3333-4444-555555555555&sktid=66666666-7777-8888-"
     "9999-000000000000&skt=2026-06-01T00%3A00%3A00Z&ske=2026-06-07T12%3A00%3A00Z&sks=b&skv=2020-12-06&sr=bs&sp=r&sig="
     "2rYDx4Z%2BllpaqOOPINwLELHie8jRPKjhRYZa9hxXi9c%3D",
     "photos", "b", "2026-01-05T00:00:00.1234567Z", "",
     "r\n\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/photos/"
     "b\n11111111-2222-3333-4444-555555555555\n66666666-7777-8888-9999-000000000000\n2026-06-01T00:00:00Z\n2026-06-"
     "07T12:00:00Z\nb\n2020-12-06\n\n\n\n\n\n2020-12-06\nbs\n2026-01-05T00:00:00.1234567Z\n\n\n\n\n\n"},
    {"directory 2020-02-10",
     "sv=2020-02-10&se=2026-12-31T23%3A59%3A59Z&sr=d&sp=rl&sig=d9n4xVj1ntJEf3ATM%2FMTV%2FpV4LPiKS1jwrRCPA1JNP4%3D&sdd="
     "2",
     "photos", "d1/d2/deep/file", "", "",
     "rl\n\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/photos/d1/d2\n\n\n\n2020-02-10\nd\n\n\n\n\n\n"},
    {"delegated directory 2020-02-10",
     "sv=2020-02-10&se=2026-12-31T23%3A59%3A59Z&skoid=11111111-2222-3333-4444-555555555555&sktid=66666666-7777-8888-"
     "9999-000000000000&skt=2026-06-01T00%3A00%3A00Z&ske=2026-06-07T12%3A00%3A00Z&sks=b&skv=2020-02-10&sr=d&sp=rlmeop&"
     "sig=14YU7H1zXb4ofBIBOM%2Bvf5eAaIVnRf2i8Ut5IQOqdtQ%3D&sdd=2",
     "photos", "d1/d2/x", "", "",
     "rlmeop\n\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/photos/d1/"
     "d2\n11111111-2222-3333-4444-555555555555\n66666666-7777-8888-9999-000000000000\n2026-06-01T00:00:00Z\n2026-06-"
     "07T12:00:00Z\nb\n2020-02-10\n\n\n\n\n\n2020-02-10\nd\n\n\n\n\n\n"},
    {"directory 2020-12-06",
     "sv=2020-12-06&se=2026-12-31T23%3A59%3A59Z&sr=d&sp=rl&sig=raXYifqGTtqChpIE3bPHXFMEWW0gth5ysnvBqAcaO%2FM%3D&sdd=2",
     "photos", "d1/d2/deep/file", "", "",
     "rl\n\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/photos/d1/d2\n\n\n\n2020-12-06\nd\n\n\n\n\n\n\n"},
    {"delegated directory 2020-12-06",
     "sv=2020-12-06&se=2026-12-31T23%3A59%3A59Z&skoid=11111111-2222-3333-4444-555555555555&sktid=66666666-7777-8888-"
     "9999-000000000000&skt=2026-06-01T00%3A00%3A00Z&ske=2026-06-07T12%3A00%3A00Z&sks=b&skv=2020-12-06&sr=d&sp=rlmeop&"
     "sig=Ia7IuMpMUMOIGqUcK3sFz5DGXROmko2nsDHRmYJC%2Fds%3D&sdd=2",
     "photos", "d1/d2/x", "", "",
     "rlmeop\n\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/photos/d1/"
     "d2\n11111111-2222-3333-4444-555555555555\n66666666-7777-8888-9999-000000000000\n2026-06-01T00:00:00Z\n2026-06-"
     "07T12:00:00Z\nb\n2020-12-06\n\n\n\n\n\n2020-12-06\nd\n\n\n\n\n\n\n"},
    {"root directory",
     "sv=2020-12-06&se=2026-12-31T23%3A59%3A59Z&sr=d&sp=r&sig=dLedQuR3eyc0jSLJMMmIHk2vCb4zny8MjN3%2F2xbHNTA%3D&sdd=0",
     "photos", "x/y", "", "",
     "r\n\n2026-12-31T23:59:59Z\n/blob/sluiceaccount/photos//\n\n\n\n2020-12-06\nd\n\n\n\n\n\n\n"},
    {"account 2015-04-05",
     "sv=2015-04-05&ss=b&srt=sco&se=2026-12-31T23%3A59%3A59Z&sp=rl&sig=atg5jTFVItOn7B5zNGwUNSzSEqrb8p%2Fe%2Bl0bq3bq8KI%"
     "3D",
     "photos", "x", "", "", "sluiceaccount\nrl\nb\nsco\n\n2026-12-31T23:59:59Z\n\n\n2015-04-05\n"},
    {"account with everything 2015-04-05",
     "sv=2015-04-05&ss=btqf&srt=sco&spr=https&st=2026-01-02T03%3A04%3A05Z&se=2026-12-31T23%3A59%3A59Z&sip=10.0.0.1-10."
     "0.0.9&sp=rwdlacup&sig=IvDwOMv5%2BSUMwpdBkgub1Iq1lEx12TyukuIuRhUK2ew%3D",
     "", "", "", "",
     "sluiceaccount\nrwdlacup\nbtqf\nsco\n2026-01-02T03:04:05Z\n2026-12-31T23:59:59Z\n10.0.0.1-10.0.0.9\nhttps\n2015-"
     "04-05\n"},
    {"account 2018-11-09",
     "sv=2018-11-09&ss=b&srt=sco&se=2026-12-31T23%3A59%3A59Z&sp=rl&sig=L%2FVcjVLSEROjJAHyoslzu%2F1tg%"
     "2FTFxzOCNn4yoZIWnHE%3D",
     "photos", "x", "", "", "sluiceaccount\nrl\nb\nsco\n\n2026-12-31T23:59:59Z\n\n\n2018-11-09\n"},
    {"account with everything 2018-11-09",
     "sv=2018-11-09&ss=btqf&srt=sco&spr=https&st=2026-01-02T03%3A04%3A05Z&se=2026-12-31T23%3A59%3A59Z&sip=10.0.0.1-10."
     "0.0.9&sp=rwdlacup&sig=QhX%2FrkCM9HwWCXeLDFliY4N%2BWnZZsbYJgQLcgHniKoY%3D",
     "", "", "", "",
     "sluiceaccount\nrwdlacup\nbtqf\nsco\n2026-01-02T03:04:05Z\n2026-12-31T23:59:59Z\n10.0.0.1-10.0.0.9\nhttps\n2018-"
     "11-09\n"},
    {"account 2020-12-06",
     "sv=2020-12-06&ss=b&srt=sco&se=2026-12-31T23%3A59%3A59Z&sp=rl&sig=qITZb638yoYlQnJrOErWga0L4SDyynxeivH%2FADRVvfk%"
     "3D",
     "photos", "x", "", "", "sluiceaccount\nrl\nb\nsco\n\n2026-12-31T23:59:59Z\n\n\n2020-12-06\n\n"},
    {"account with everything 2020-12-06",
     "sv=2020-12-06&ss=btqf&srt=sco&spr=https&st=2026-01-02T03%3A04%3A05Z&se=2026-12-31T23%3A59%3A59Z&sip=10.0.0.1-10."
     "0.0.9&ses=scope1&sp=rwdxftlacupiy&sig=mxAHHS9JttZxXgs5hDvhYd8aMEwR6F49mIb5No9gQ1Q%3D",
     "", "", "", "",
     "sluiceaccount\nrwdxftlacupiy\nbtqf\nsco\n2026-01-02T03:04:05Z\n2026-12-31T23:59:59Z\n10.0.0.1-10.0.0."
     "9\nhttps\n2020-12-06\nscope1\n"},
    {"account 2026-04-06",
     "sv=2026-04-06&ss=b&srt=sco&se=2026-12-31T23%3A59%3A59Z&sp=rl&sig=xk2OR7QMPZnXXMxV6x2JFoRv2ZR49Xa%2B%2F%"
     "2BMncdIJxVs%3D",
     "photos", "x", "", "", "sluiceaccount\nrl\nb\nsco\n\n2026-12-31T23:59:59Z\n\n\n2026-04-06\n\n"},
    {"account with everything 2026-04-06",
     "sv=2026-04-06&ss=btqf&srt=sco&spr=https&st=2026-01-02T03%3A04%3A05Z&se=2026-12-31T23%3A59%3A59Z&sip=10.0.0.1-10."
     "0.0.9&ses=scope1&sp=rwdxftlacupiy&sig=h7cAE6%2BoHoiDm9wR%2B9%2BgqnZKcFBKsBtCStxKl9PDIE0%3D",
     "", "", "", "",
     "sluiceaccount\nrwdxftlacupiy\nbtqf\nsco\n2026-01-02T03:04:05Z\n2026-12-31T23:59:59Z\n10.0.0.1-10.0.0."
     "9\nhttps\n2026-04-06\nscope1\n"},
    {"container 2012-02-12",
     "se=2026-12-31T23%3A59%3A59Z&sp=rl&sv=2012-02-12&sr=c&sig=WDk0k%2FepLqCcCY1rj2WdBTB%2FVY5RmKJhNNc%2FfjO8njk%3D",
     "photos", "any", "", "", "rl\n\n2026-12-31T23:59:59Z\n/sluiceaccount/photos\n\n2012-02-12"},
    {"blob with everything 2012-02-12",
     "st=2026-01-02T00%3A00%3A00Z&se=2026-12-31T23%3A59%3A00Z&sp=rwd&sv=2012-02-12&sr=b&sig="
     "S527AWGeuQkrAUaKHJz1SAAgy8g6jHlfXT%2F2vjX9wQk%3D",
     "photos", "dir/cat.jpg", "", "",
     "rwd\n2026-01-02T00:00:00Z\n2026-12-31T23:59:00Z\n/sluiceaccount/photos/dir/cat.jpg\n\n2012-02-12"},
    {"container 2013-08-15",
     "se=2026-12-31T23%3A59%3A59Z&sp=rl&sv=2013-08-15&sr=c&sig=9JOFKSVXo5a4QpaJyPZyU%2BEmkB%2F5x4EBv7AS7YbRpIA%3D",
     "photos", "any", "", "", "rl\n\n2026-12-31T23:59:59Z\n/sluiceaccount/photos\n\n2013-08-15\n\n\n\n\n"},
    {"blob with everything 2013-08-15",
     "st=2026-01-02T00%3A00%3A00Z&se=2026-12-31T23%3A59%3A00Z&sp=rwd&sv=2013-08-15&sr=b&rscc=no-cache&rsct=binary&rsce="
     "gzip&rscl=de&rscd=inline&sig=n6sOWu6FKUxy9f4oQOw%2BPWy00BFtLN7SRt1aX1N%2BSIc%3D",
     "photos", "dir/cat.jpg", "", "",
     "rwd\n2026-01-02T00:00:00Z\n2026-12-31T23:59:00Z\n/sluiceaccount/photos/dir/"
     "cat.jpg\n\n2013-08-15\nno-cache\ninline\ngzip\nde\nbinary"},
});

}  // namespace sluice::auth::test
