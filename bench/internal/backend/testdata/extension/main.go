// Extension registers for INVOKE, takes 30 ms before it asks for its first
// event and 20 ms after each.
package main

import (
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	api := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + "/2020-01-01/extension"
	request, err := http.NewRequest(http.MethodPost, api+"/register", strings.NewReader(`{"events":["INVOKE"]}`))
	if err != nil {
		panic(err)
	}
	request.Header.Set("Lambda-Extension-Name", "slow")
	answer, err := http.DefaultClient.Do(request)
	if err != nil || answer.StatusCode != http.StatusOK {
		panic("not registered")
	}
	id := answer.Header.Get("Lambda-Extension-Identifier")
	time.Sleep(30 * time.Millisecond)
	for {
		next, err := http.NewRequest(http.MethodGet, api+"/event/next", nil)
		if err != nil {
			panic(err)
		}
		next.Header.Set("Lambda-Extension-Identifier", id)
		event, err := http.DefaultClient.Do(next)
		if err != nil || event.StatusCode != http.StatusOK {
			return
		}
		_, _ = io.Copy(io.Discard, event.Body)
		_ = event.Body.Close()
		time.Sleep(20 * time.Millisecond)
	}
}
