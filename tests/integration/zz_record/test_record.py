import asyncio, json, pathlib, base64, inspect
from datetime import timedelta
from tests.support.rig import Sender, acme, working
from catalyst.chassis.keyring import KeyRing
from catalyst.chassis import clock
from catalyst.contracts.subjects import Ref
from catalyst.environment_controller.adapters.git import DulwichHome
from catalyst.environment_controller.adapters.git_root import GitRoot
from catalyst.environment_controller.handlers import service
from catalyst.environment_controller.domain import deletion
R={"provider":"hetzner","region":"fsn","building_block":"rtz"}
R2={"provider":"hetzner","region":"hel","building_block":"rtz"}
async def test_record(js, tmp_path):
    root=GitRoot(tmp_path/"git"); home=DulwichHome(root); keys=KeyRing.open(tmp_path/"keys")
    admin={"Authorization":"Bearer "+keys.people.person("ada@acme.example",roles=["sovereign-admin"])} if not callable(keys.people) else {"Authorization":"Bearer "+keys.people().person("ada@acme.example",roles=["sovereign-admin"])}
    async with working(js, service(home), keys=keys) as worker:
        s=Sender(js); st=worker.states.state
        async def do(t, id_, data=None, org=None, headers=admin):
            org=org or id_
            sent=await s.send(f"environment.{t}.v1", id_, data or {}, organization=org, headers=headers)
            out=await s.outcome(org, sent)
            assert out.status=="accepted", out
            return out
        async def ready(slug):
            ref=Ref(slug,"environment","organization",slug)
            async with asyncio.timeout(20):
                while (await st(ref)).phase!="ready": await asyncio.sleep(0.02)
        await do("create-organization","acme",acme(tier="corporate",plan_slug="m",owners=[{"email":"ada@acme.example","role":"owner"},{"email":"vi@acme.example","role":"viewer"}],public_front={"parent_domain":"cloud.example","subdomain":"shop"}))
        await ready("acme")
        await do("update-organization","acme",{"display_name":"Acme Group","policy_delegated":True})
        await do("change-owners","acme",{"owners":[{"email":"ada@acme.example","role":"owner"},{"email":"grace@acme.example","role":"developer"}]})
        await do("define-policy","careful",{"promotion":{"required_approvers":2,"soak_hours":24,"required_compliance_score":80},"rules":[{"type":"change-window","effect":"deny","rrule":"FREQ=WEEKLY;BYDAY=SA","timezone":"Asia/Muscat","duration":"2d"}],"compliance":{"weights":{"probes":{"weight":5}},"modes":{"probes":"enforcing"}}},"acme")
        await do("create-environment","acme-prod",{"env_type":"prod","placement":"multi-region","regions":[R,R2],"policy":"careful"},"acme")
        await do("create-environment","acme-lab-dev",{"env_type":"dev","label":"lab","placement":"single-region","regions":[R]},"acme")
        await do("update-policy","careful",{"promotion":{"required_approvers":1,"soak_hours":4}},"acme")
        await do("attach-policy","acme-lab-dev",{"policy":"careful"},"acme")
        await do("attach-policy","acme-lab-dev",{"policy":None},"acme")
        await do("update-environment","acme-prod",{"placement":"single-region","regions":[R]},"acme")
        tok={"Authorization":"Bearer "+keys.service("provisioning").service()}
        await do("admit-application","acme-prod",{"application":"blog"},"acme",headers=tok)
        await do("admit-application","acme-lab-dev",{"application":"wiki"},"acme",headers=tok)
        await do("release-application","acme-lab-dev",{"application":"wiki"},"acme",headers=tok)
        await do("suspend-organization","acme",{"reason":"invoice overdue"})
        await do("resume-organization","acme")
        async def deleted(kind, id_, org, plan_of):
            async with asyncio.timeout(20):
                while True:
                    plan=await plan_of()
                    exp=(clock.now()+timedelta(minutes=5)).isoformat().replace("+00:00","Z")
                    sent=await s.send(f"environment.apply-{kind}-deletion.v1",id_,{"request":dict(plan.request),"hash":plan.hash,"inputs":dict(plan.inputs),"expires":exp},organization=org,headers=admin)
                    out=await s.outcome(org,sent)
                    if out.status=="accepted": return
                    assert out.code=="plan-stale", out
        aref=Ref("acme","environment","organization","acme"); eref=Ref("acme","environment","environment","acme-lab-dev")
        async def p1(): return deletion.plan_environment("acme-lab-dev", await st(eref), await st(aref))
        await deleted("environment","acme-lab-dev","acme",p1)
        await do("create-organization","umbra",acme(display_name="Umbra")); await ready("umbra")
        await do("define-policy","plain",{"promotion":{"required_approvers":1}},"umbra")
        await do("create-environment","umbra-stg",{"env_type":"stg","placement":"single-region","regions":[R],"policy":"plain"},"umbra")
        uref=Ref("umbra","environment","organization","umbra")
        async def p2():
            o=await st(uref)
            kw=dict(environments={n: await st(Ref("umbra","environment","environment",n)) for n in o.environments}, policies={n: await st(Ref("umbra","environment","policy",n)) for n in o.policies})
            sig=inspect.signature(deletion.plan_organization); print(sig)
            return deletion.plan_organization("umbra", o, *list(kw.values())[:len(sig.parameters)-2])
        await deleted("organization","umbra","umbra",p2)
        await asyncio.sleep(1.0)
        info=await js.stream_state("EV")
        rows=[]
        for seq in range(1, info.last_seq+1):
            m=(await js.api("STREAM.MSG.GET.EV",{"seq":seq}))["message"]
            if not m["subject"].startswith("evt."): continue
            h={}
            for line in base64.b64decode(m.get("hdrs","")).decode().split("\r\n")[1:]:
                if ":" in line: k,v=line.split(":",1); h[k.strip()]=v.strip()
            rows.append({"seq":seq,"subject":m["subject"],"time":m["time"],"batch":h.get("Nats-Batch-Id"),"commit":"Nats-Batch-Commit" in h,"data":json.loads(base64.b64decode(m["data"]))})
        pathlib.Path("/tmp/acme.jsonl").write_text("".join(json.dumps(r,ensure_ascii=False)+"\n" for r in rows))
    root.close()
