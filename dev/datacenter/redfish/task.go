package redfish

import (
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

const (
	tasksPath    = base + "/TaskService/Tasks"
	monitorsPath = base + "/TaskService/TaskMonitors"
	maxTasks     = 32
)

// tasks is what the BMC does in its own time. The oldest are forgotten.
type tasks struct {
	mu   sync.Mutex
	list []task
	next int
}

type task struct {
	id, name   string
	start, end time.Time
}

func (t *tasks) start(name string, now time.Time, takes time.Duration) task {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next++
	one := task{id: strconv.Itoa(t.next), name: name, start: now, end: now.Add(takes)}
	if len(t.list) == maxTasks {
		t.list = slices.Delete(t.list, 0, 1)
	}
	t.list = append(t.list, one)
	return one
}

func (t *tasks) get(id string) (task, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.IndexFunc(t.list, func(one task) bool { return one.id == id })
	if i < 0 {
		return task{}, false
	}
	return t.list[i], true
}

func (t *tasks) paths() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make([]string, len(t.list))
	for i, one := range t.list {
		out[i] = tasksPath + "/" + one.id
	}
	return out
}

func (s *Service) addTasks() {
	s.add(base+"/TaskService", resource{kind: "TaskService.v1_1_5.TaskService", get: func() doc {
		return doc{
			"Id": "TaskService", "Name": "Task Service", "ServiceEnabled": true, "Status": healthy,
			"CompletedTaskOverWritePolicy": "Oldest", "Tasks": ref(tasksPath),
		}
	}})
	s.add(tasksPath, resource{kind: "TaskCollection.TaskCollection", get: func() doc {
		return list("Tasks", s.tasks.paths())
	}})
}

// accept starts a task and answers with it.
func (s *Service) accept(name string) (task, reply) {
	one := s.tasks.start(name, s.Now(), s.Chassis.Timing().Task)
	return one, s.accepted(one)
}

func (s *Service) accepted(one task) reply {
	res, _ := s.task(one.id)
	return reply{
		status: http.StatusAccepted, body: s.load(res, tasksPath+"/"+one.id),
		header: map[string]string{"Location": monitorsPath + "/" + one.id, "Retry-After": "1"},
	}
}

func (s *Service) task(id string) (*resource, bool) {
	one, found := s.tasks.get(id)
	if !found {
		return nil, false
	}
	return &resource{kind: "Task.v1_5_1.Task", get: func() doc { return s.taskDoc(one) }}, true
}

func (s *Service) taskDoc(one task) doc {
	d := doc{
		"Id": one.id, "Name": one.name, "StartTime": stamp(one.start), "TaskStatus": "OK",
		"TaskMonitor": monitorsPath + "/" + one.id, "TaskState": "Running", "PercentComplete": 0, "Messages": []doc{},
	}
	if !s.Now().Before(one.end) {
		d["TaskState"], d["PercentComplete"], d["EndTime"] = "Completed", 100, stamp(one.end)
	}
	return d
}

// monitor is 202 with the task while it runs, and its result afterwards.
func (s *Service) monitor(id string) (*resource, bool) {
	one, found := s.tasks.get(id)
	if !found {
		return nil, false
	}
	watch := func() reply {
		if s.Now().Before(one.end) {
			return s.accepted(one)
		}
		return s.done()
	}
	return &resource{watch: watch}, true
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
